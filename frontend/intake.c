/*
 * Waiting requests (intake.h). A timer looks again whether answers have left:
 * it only runs while something waits. Many small requests at once are taken in
 * portions, so that others on the loop have their turn.
 */
#include "frontend/intake.h"

enum { PORTION_MS = 20, LOOK_AGAIN_MS = 10 };

static void look_again(void *owner) { intake_go(owner); }

void intake_init(struct intake *in, struct stream *s, const struct intake_user *user)
{
    *in = (struct intake){.stream = s, .user = *user, .again = {.fire = look_again, .owner = in}};
}

size_t intake_room(const struct intake *in) { return sizeof(in->buf) - in->len; }

bool intake_busy(const struct intake *in) { return in->len || in->user.busy(in->user.owner); }

void intake_put(struct intake *in, const u8 *buf, size_t n)
{
    n = MIN(n, intake_room(in));
    for (size_t i = 0; i < n; i++)
        in->buf[(in->head + in->len++) % sizeof(in->buf)] = buf[i];
    intake_go(in);
}

void intake_go(struct intake *in)
{
    if (in->going)
        return; /* a request was carried out at once: the loop below goes on */
    in->going = true;
    u64 end = loop_now_ms() + PORTION_MS;
    while (in->len && !in->user.busy(in->user.owner) && !stream_busy(in->stream) && loop_now_ms() < end) {
        u8 c = in->buf[in->head];
        in->head = (in->head + 1) % sizeof(in->buf);
        in->len--;
        in->user.byte(in->user.owner, c);
    }
    in->going = false;
    if (in->len)
        loop_timer_set(in->stream->loop, &in->again, loop_now_ms() < end ? LOOK_AGAIN_MS : 0);
}

void intake_clear(struct intake *in)
{
    loop_timer_cancel(in->stream->loop, &in->again);
    in->head = in->len = 0;
}
