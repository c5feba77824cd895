"""compute.py SEED: what python3 computes of random input: digests, compression, numbers, exact and floating, text,
generators, exceptions. A line each; the last one counts what was wrong in itself."""
import hashlib, json, random, re, struct, sys, zlib, decimal, fractions, itertools, math

sys.set_int_max_str_digits(0)
R = random.Random(int(sys.argv[1]))
bad = 0


def say(what, v):
    print(what, hashlib.sha256(v if isinstance(v, bytes) else str(v).encode()).hexdigest())


d = b""
for n in range(0, 1200, 3):
    m = R.randbytes(n)
    d += (
        hashlib.sha3_256(m).digest()
        + hashlib.blake2b(m).digest()
        + hashlib.sha512(m).digest()
        + struct.pack("<II", zlib.crc32(m), zlib.adler32(m))
    )
    z = zlib.compress(m * 3, n % 10)
    bad += zlib.decompress(z) != m * 3
say("digests", d)
x = [R.random() for _ in range(20000)]
say("floats", [repr(v) for v in sorted(x)])
say("fsum", math.fsum(x).hex())
bad += any(float(repr(v)) != v for v in x)
a = R.getrandbits(6000)
b = R.getrandbits(1500)
q, r = divmod(a, b)
bad += q * b + r != a
say("divmod", hex(q))
say("pow", pow(3, b, a | 1))
say("decimal of int", str(R.getrandbits(12000)))
decimal.getcontext().prec = 200
say("decimal", decimal.Decimal(2).sqrt() + decimal.Decimal(1) / 7 + decimal.Decimal(3).exp())
say("fraction", sum(fractions.Fraction(1, k) for k in range(1, 400)))
j = {str(k): [R.randrange(1000), R.random(), "x" * (k % 20), None, True] for k in range(2000)}
bad += json.loads(json.dumps(j)) != j
say("json", json.dumps(j))
t = " ".join("".join(R.choice("abcdefgh") for _ in range(R.randrange(1, 9))) for _ in range(5000))
say("regex", re.findall(r"\b(\w)(\w*)\1\b", t))
say("sub", re.sub(r"(a|b)+(c?)", r"<\2>", t))
say("permutations", list(itertools.islice(itertools.permutations("abcdefg"), 3000)))


def gen(n):
    yield from (i * i for i in range(n))


say("generator", sum(gen(50000)))


class E(Exception):
    pass


def deep(n):
    if n == 0:
        raise E(n)
    try:
        deep(n - 1)
    finally:
        pass


k = 0
for i in range(100):
    try:
        deep(i)
    except E:
        k += 1
print("exceptions", k)
print("bad", bad)
