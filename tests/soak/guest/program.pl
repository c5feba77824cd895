# program.pl SEED FOLDER: a C program without undefined behaviour: FOLDER's algorithms.c, 120 random functions, and a
# main that prints what all of them give.
use strict;
use warnings;
my $s = ( $ARGV[0] * 2654435761 + 12345 ) % 4294967296;

# r(N): a random number below N
sub r { $s = ( $s * 1103515245 + 12345 ) % 4294967296; return int( $s / 65536 ) % $_[0]; }
my @type = ( 'uint8_t', 'uint16_t', 'uint32_t', 'uint64_t', 'int32_t', 'int64_t' );

sub leaf {
    my $k = r(5);
    return $k < 3 ? ( 'a', 'b', 'c' )[$k] : $k == 3 ? r(65536) . 'u' : sprintf( '0x%x%04xull', r(65536), r(65536) );
}

# expr(DEPTH)
sub expr {
    my $d = shift;
    return leaf() if $d <= 0 || r(8) == 0;
    my ( $x, $y, $k ) = ( expr( $d - 1 ), expr( $d - 1 ), r(15) );
    my $t = $type[ r(4) ];
    return "(($t)($x) + ($t)($y) + 0ull)"                          if $k == 0;
    return "((uint64_t)($x) - (uint64_t)($y))"                     if $k == 1;
    return "((uint64_t)($x) * (uint64_t)($y))"                     if $k == 2;
    return "((uint32_t)($x) / (((uint32_t)($y)) | 1u))"            if $k == 3;
    return "((uint64_t)($x) % (((uint64_t)($y)) | 1u))"            if $k == 4;
    return "((uint64_t)($x) << (($y) & 63))"                       if $k == 5;
    return "((uint64_t)($x) >> (($y) & 63))"                       if $k == 6;
    return "((uint64_t)((int64_t)($x) >> (($y) & 63)))"            if $k == 7;
    return "((uint64_t)($x) & (uint64_t)($y))"                     if $k == 8;
    return "((uint64_t)($x) ^ (uint64_t)($y))"                     if $k == 9;
    return "(uint64_t)(($x) < ($y) ? ($t)($x) : ($t)($y))"         if $k == 10;
    return "rol32((uint32_t)($x), ($y) & 31)"                      if $k == 11;
    return "(uint64_t)(int64_t)(int16_t)($x)"                      if $k == 12;
    return "(uint64_t)__builtin_popcountll(($x) ^ (uint64_t)($y))" if $k == 13;
    return "(uint64_t)(int64_t)((double)(int32_t)($x) * 0.37 + (double)(int32_t)($y) / 3.0)";
}

open my $h, '<', "$ARGV[1]/algorithms.c" or die;
print <$h>;
close $h;
my $n = 120;
for my $i ( 0 .. $n - 1 ) {
    my $t = $type[ r(6) ];
    print "static __attribute__((noinline)) uint64_t f$i(uint64_t a, uint64_t b, uint64_t c)\n{\n";
    print "\tfor (unsigned i = 0; i < ", 1 + r(9), "; i++) {\n\t\ta = (uint64_t)(", expr(4), ");\n";
    print "\t\tif ((", expr(2), ") & ", 1 + r(255), ")\n\t\t\tb = ($t)(", expr(3), ");\n\t\telse\n\t\t\tc ^= ",
      expr(3), ";\n";
    print "\t\tswitch (a % 7) {\n", ( map { "\t\tcase $_: c += " . expr(2) . "; break;\n" } 0 .. 6 ), "\t\t}\n\t}\n";
    print "\treturn a ^ rol64(b, 17) ^ rol64(c, 41);\n}\n";
}
my $all = join ', ', map { "f$_" } 0 .. $n - 1;
print <<"END_MAIN";
typedef uint64_t (*fn)(uint64_t, uint64_t, uint64_t);
static fn const fns[] = {$all};
int main(void)
{
	uint64_t x = $ARGV[0], all = 0;
	for (int round = 0; round < 200; round++)
		for (unsigned i = 0; i < $n; i++) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			uint64_t v = fns[(i * 7 + (unsigned)round) % $n](x, rol64(x, 23) >> (x & 31), ~x * 3);
			all = rol64(all, 1) ^ v;
			if (round == 0)
				printf("f%u %016llx\\n", i, (unsigned long long)v);
		}
	printf("all %016llx\\n", (unsigned long long)all);
	algorithms($ARGV[0]);
	return 0;
}
END_MAIN
