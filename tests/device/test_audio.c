/* The PC speaker, heard by a sink: pitch, when it starts and ends, pulses that make a level, sinks that come and go. */
#include "devices/pit.h"
#include "devices/port61.h"
#include "tests/device/rig.h"

enum { RATE = 44100, MOST = RATE * 4 };
static i16 heard[MOST];
static unsigned count;

static void take(struct audio_sink *s, const i16 *frames, unsigned n)
{
    (void)s;
    ck_assert_uint_le(count + n, MOST);
    memcpy(heard + count, frames, n * sizeof(*frames));
    count += n;
}
static struct audio_sink sink;

static void setup(void)
{
    rig_up();
    struct pit_config pit = {.irq0 = rig_wire(0)};
    struct device *p = rig_plug(&pit_class, &pit);
    struct port61_config port61 = {
        .gate2 = pit_gate2(p), .out2 = pit_out2, .out2_high = pit_out2_high, .out2_owner = p, .out2_hz = PIT_HZ};
    rig_plug(&port61_class, &port61);
    count = 0;
    sink = (struct audio_sink){.rate = RATE, .take = take};
    audio_attach(&rig.sys.audio, &sink, now());
}
static void ms_pass(u64 ms)
{
    for (; ms; ms--) {
        clock_advance(&rig.sys.clock, now() + 1000000);
        audio_catch_up(&rig.sys.audio, now());
    }
}
static void divisor(u16 n)
{
    out8(0x43, 0xb6);
    out8(0x42, (u8)n);
    out8(0x42, (u8)(n >> 8));
}
/* The pitch in Hz of what was heard in [from, to) ms, from the first to the last rise through zero. */
static double pitch(unsigned from, unsigned to)
{
    double first = -1, last = -1;
    unsigned rises = 0;
    for (unsigned i = from * RATE / 1000 + 1; i < to * RATE / 1000; i++) {
        if (heard[i - 1] >= 0 || heard[i] < 0)
            continue;
        last = i - (double)heard[i] / (heard[i] - heard[i - 1]);
        first = rises++ ? first : last;
    }
    return rises > 1 ? (rises - 1) * (double)RATE / (last - first) : 0;
}
static int loudest(unsigned from, unsigned to)
{
    int most = 0;
    for (unsigned i = from * RATE / 1000; i < to * RATE / 1000; i++)
        most = MAX(most, abs(heard[i]));
    return most;
}

START_TEST(tones)
{
    divisor(1193); /* 1000.15 Hz */
    ms_pass(100);
    out8(0x61, 3);
    ms_pass(1000);
    divisor(2712); /* 439.96 Hz */
    ms_pass(1000);
    out8(0x61, 0);
    ms_pass(400);
    ck_assert_uint_eq(count, 2500 * RATE / 1000);
    ck_assert_int_eq(loudest(0, 100), 0);
    ck_assert_double_eq_tol(pitch(200, 1100), 1193182 / 1193.0, 1);
    ck_assert_double_eq_tol(pitch(1200, 2100), 1193182 / 2712.0, 0.44);
    ck_assert_int_gt(loudest(200, 1100), 7000);
    ck_assert_int_lt(loudest(2400, 2500), 10); /* and no level stays */
}
END_TEST

/* Bit 1 alone moves it, where GATE is low: 500 Hz. */
START_TEST(by_hand)
{
    divisor(1000);
    for (unsigned i = 0; i < 1000; i++) {
        out8(0x61, i & 1 ? 2 : 0);
        ms_pass(1);
    }
    ck_assert_double_eq_tol(pitch(100, 1000), 500, 0.5);
}
END_TEST

START_TEST(comes_and_goes)
{
    divisor(1193);
    out8(0x61, 3);
    ms_pass(100);
    audio_detach(&rig.sys.audio, &sink);
    unsigned before = count;
    ms_pass(100);
    ck_assert_uint_eq(count, before);
    audio_attach(&rig.sys.audio, &sink, now());
    ms_pass(100);
    ck_assert_uint_eq(count, before * 2);
    ck_assert_int_gt(loudest(150, 200), 7000);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sound");
    TCase *t = tcase_create("speaker");
    tcase_add_checked_fixture(t, setup, rig_down);
    tcase_add_test(t, tones);
    tcase_add_test(t, by_hand);
    tcase_add_test(t, comes_and_goes);
    suite_add_tcase(s, t);
    return rig_run(s);
}
