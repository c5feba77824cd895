# compute.pl SEED: what perl computes of random input: digests, sorts, expressions, numbers, big numbers, packing. A
# line each; the last one counts what was wrong in itself.
use strict;
use warnings;
use Digest::SHA qw(sha1_hex sha224_hex sha256_hex sha384_hex sha512_hex);
use Digest::MD5 qw(md5_hex);
use MIME::Base64;
use List::Util qw(sum reduce);
use Math::BigInt;
use Storable qw(freeze thaw dclone);
use Data::Dumper;
use Encode;
my $s = ( $ARGV[0] * 2654435761 + 99 ) % 4294967296;
sub r    { $s = ( $s * 1103515245 + 12345 ) % 4294967296; return int( $s / 65536 ) % $_[0]; }
sub show { printf "%s %s\n", $_[0], sha256_hex( $_[1] ); }
my ( $d, $bad ) = ( '', 0 );

for my $n ( 0 .. 600 ) {
    my $m = join '', map { chr r(256) } 1 .. $n;
    $d .= sha1_hex($m) . sha224_hex($m) . sha256_hex($m) . sha384_hex($m) . sha512_hex($m) . md5_hex($m);
    $bad++ if decode_base64( encode_base64($m) ) ne $m;
    $bad++ if pack( 'H*', unpack( 'H*', $m ) ) ne $m;
}
show( 'digests', $d );
print "abc ",
  ( sha256_hex('abc') eq 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad' ? 'right' : 'wrong' ),
  "\n";
my @n = map  { r(65536) * 65536 + r(65536) } 1 .. 20000;
my @o = sort { $a <=> $b } @n;
for ( 1 .. $#o ) { $bad++ if $o[ $_ - 1 ] > $o[$_]; }
show( 'sort',         join ',', @o );
show( 'sort strings', join ',', sort map { sprintf '%x', $_ } @n );
my @f = sort { $a <=> $b } map { sin($_) * sqrt($_) / 7 } @n;
show( 'sort floats', join ',', @f );
my $t = join ' ', map {
    join '',
      map { chr( 97 + r(26) ) }
      1 .. 1 +
      r(9)
} 1 .. 5000;
my %c;
$c{$1}++ while $t =~ /\b([aeiou]\w*?)([^aeiou\s]+)\b/g;
show( 'regex', join ',', map { "$_=$c{$_}" } sort keys %c );
( my $u = $t ) =~ s/(\w)(\w*)(\w)\b/$3$2\U$1/g;
show( 'substitute', $u );
my @p = $t =~ /(?=((\w)\w*\2))/g;
show( 'backtrack', join ',', @p );
my %h = map { $_ => length } split ' ', $t;
show( 'hash', join ',', map { "$_$h{$_}" } sort keys %h );
show( 'tr', $u =~ tr/a-zA-Z/n-za-mN-ZA-M/r );
my $big = Math::BigInt->new(1);
$big->bmul($_) for 1 .. 250;
show( 'factorial', "$big" );
show(
    'power',
    Math::BigInt->new(3)->bmodpow(
        Math::BigInt->new('123456789012345678901234567890'),
        Math::BigInt->new('1000000000000000000000000000057')
    )
);
my $tree;
$tree                   = { l => $tree, n => r(1000), a => [ map { r(100) } 1 .. 5 ] } for 1 .. 200;
$Data::Dumper::Sortkeys = 1;
$Data::Dumper::Deepcopy = 1;
my $copy = thaw( freeze($tree) );
$bad++ if Dumper($copy) ne Dumper($tree);
show( 'dumper', Dumper($copy) );
show( 'printf', join ',', map { sprintf '%.15g %e %d %o %b', $_ / 3, $_ * 1e-100, $_, $_, $_ } @n[ 0 .. 3000 ] );
show( 'pack', join '',
    map { pack 'nNvVQ>dfw', $_ & 65535, $_, $_ & 65535, $_, $_ * 3, $_ / 9, $_ / 2, $_ } @n[ 0 .. 3000 ] );
show( 'utf8',
    encode( 'UTF-16LE', decode( 'UTF-8', encode( 'UTF-8', join '', map { chr( 0x100 + r(20000) ) } 1 .. 5000 ) ) ) );
show( 'math', join ',',
    map { sprintf '%.14g', exp( sin($_) ) + log( $_ + 1 ) * atan2( $_, 3 )**0.5 } @n[ 0 .. 3000 ] );
my @m = map {
    [ map { r(100) } 1 .. 20 ]
} 1 .. 20;
my @q = map {
    my $x = $_;
    [
        map {
            my $y = $_;
            sum map { $m[$x][$_] * $m[$_][$y] } 0 .. 19
        } 0 .. 19
    ]
} 0 .. 19;
show( 'matrix', join ',', map { @$_ } @q );
my $code = join '+', map { "($_*" . r(9) . ')' } 1 .. 300;
print "eval ", eval($code), "\n";
print "bad $bad\n";
