/*
 * The window, on SDL's dummy driver and with events of our own making: what reaches the guest of buttons and keys when
 * the grab ends, whose the window's size is, who looks at the guest's screen.
 */
#include "devices/machine/machine_internal.h"
#include "frontend/sdl.h"
#include "tests/unit/frontend_rig.h"

#include <SDL.h>

enum { WIDTH = 320, HEIGHT = 200, SETTLED_MS = 320 };

static struct rig rig;
static struct keys *keys;
static struct sdl *sdl;
static struct display screen;
static struct pointer_sink mouse;
static u32 pixels[WIDTH * HEIGHT];
static unsigned buttons, button_changes, keys_down;

static void on_buttons(void *owner, unsigned now)
{
    (void)owner;
    button_changes += now != buttons;
    buttons = now;
}
static void on_key(void *owner, u32 code, bool down)
{
    (void)owner, (void)code;
    keys_down += down ? 1 : -1u;
}
static void refresh(void *owner, bool full)
{
    (void)owner, (void)full;
    struct rect all = {0, 0, WIDTH, HEIGHT};
    for (struct screen_observer *o = screen.observers; o; o = o->next)
        o->frame(o, &screen.surface, &all, 1);
}

/* Rounds of the main loop until nothing is left to do. */
static void settle(void)
{
    for (unsigned i = 0; i < 8; i++)
        loop_once(rig.host.loop, i < 4 ? 10 : 0);
}
static void push(SDL_Event e)
{
    SDL_PushEvent(&e);
    settle();
}
/* Taken with whatever is pushed next. */
static void queue_window_event(SDL_WindowEventID id, int width)
{
    SDL_Event e = {.window = {.type = SDL_WINDOWEVENT, .event = (Uint8)id, .data1 = width, .data2 = HEIGHT}};
    SDL_PushEvent(&e);
}
static void window_event(SDL_WindowEventID id, int width)
{
    queue_window_event(id, width);
    settle();
}
static void button(u8 which, bool down)
{
    push((SDL_Event){.button = {.type = down ? SDL_MOUSEBUTTONDOWN : SDL_MOUSEBUTTONUP, .button = which}});
}
static void key(SDL_Scancode code, bool down, Uint16 mod)
{
    push((SDL_Event){.key = {.type = down ? SDL_KEYDOWN : SDL_KEYUP, .keysym = {.scancode = code, .mod = mod}}});
}
static SDL_Window *window(void) { return SDL_GetWindowFromID(1); }
static bool grabbed(void) { return strstr(SDL_GetWindowTitle(window()), "Ctrl-Alt-G") != NULL; }
static int width(void)
{
    int w, h;
    SDL_GetWindowSize(window(), &w, &h);
    return w;
}
/* The guest's screen has another size from now on. */
static void mode(int w, int h)
{
    screen.surface = (struct surface){pixels, w, h, w};
    refresh(NULL, true);
    settle();
}

static void setup(void)
{
    struct error e;
    setenv("SDL_VIDEODRIVER", "dummy", 1);
    rig_open(&rig, 1);
    screen = (struct display){.refresh = refresh, .surface = {pixels, WIDTH, HEIGHT, WIDTH}};
    rig.m->displays = &screen;
    mouse = (struct pointer_sink){.buttons = on_buttons};
    input_connect_pointer(rig.m, &mouse);
    input_connect_keyboard(rig.m, (struct keyboard_sink){.key = on_key});
    buttons = button_changes = keys_down = 0;
    keys = keys_create(rig.host.loop, rig.m);
    sdl = sdl_create(rig.host.loop, rig.m, keys, &(struct sdl_options){.close_ends = true}, &e);
    ck_assert_msg(sdl != NULL, "%s", e.text);
    settle();
}
static void teardown(void)
{
    sdl_free(sdl);
    rig.m->displays = NULL;
    rig_close(&rig);
    keys_free(keys);
}

static void click_to_grab(void)
{
    button(SDL_BUTTON_LEFT, true);
    button(SDL_BUTTON_LEFT, false);
    ck_assert(grabbed());
    ck_assert_uint_eq(button_changes, 0);
}

START_TEST(button_held_when_the_grab_ends)
{
    click_to_grab();
    button(SDL_BUTTON_LEFT, true);
    button(SDL_BUTTON_RIGHT, true);
    ck_assert_uint_eq(buttons, 3);
    key(SDL_SCANCODE_G, true, KMOD_LCTRL | KMOD_LALT);
    key(SDL_SCANCODE_G, false, 0);
    ck_assert(!grabbed());
    ck_assert_uint_eq(buttons, 0);
    button(SDL_BUTTON_LEFT, false); /* of the old grab: takes no new one */
    button(SDL_BUTTON_RIGHT, false);
    ck_assert(!grabbed());
    ck_assert_uint_eq(buttons, 0);
    button_changes = 0;
    click_to_grab();
}
END_TEST

START_TEST(focus_lost_and_minimised)
{
    static const SDL_WindowEventID ends[] = {SDL_WINDOWEVENT_FOCUS_LOST, SDL_WINDOWEVENT_MINIMIZED};
    for (unsigned i = 0; i < ARRAY_LEN(ends); i++) {
        button_changes = 0;
        click_to_grab();
        button(SDL_BUTTON_LEFT, true);
        key(SDL_SCANCODE_A, true, 0);
        ck_assert_uint_eq(buttons, 1);
        ck_assert_uint_eq(keys_down, 1);
        window_event(ends[i], 0);
        ck_assert(!grabbed());
        ck_assert_uint_eq(buttons, 0);
        ck_assert_uint_eq(keys_down, 0);
        button(SDL_BUTTON_LEFT, false);
        ck_assert(!grabbed());
    }
}
END_TEST

/* The user's scale outlives a maximised window, whichever of its two events comes first. */
START_TEST(maximised_width_is_no_scale)
{
    ck_assert_int_eq(width(), WIDTH);
    for (unsigned size_first = 0; size_first < 2; size_first++) {
        SDL_Delay(SETTLED_MS);
        SDL_SetWindowSize(window(), 2 * WIDTH, 2 * HEIGHT);
        window_event(SDL_WINDOWEVENT_RESIZED, 2 * WIDTH); /* by the user: twice */
        SDL_Delay(SETTLED_MS);
        SDL_SetWindowSize(window(), 1900, 1000); /* by the window manager */
        queue_window_event(size_first ? SDL_WINDOWEVENT_RESIZED : SDL_WINDOWEVENT_MAXIMIZED, 1900);
        window_event(size_first ? SDL_WINDOWEVENT_MAXIMIZED : SDL_WINDOWEVENT_RESIZED, 1900);
        mode(WIDTH / 2, HEIGHT / 2);
        ck_assert_int_eq(width(), 1900); /* stays maximised */
        SDL_Delay(SETTLED_MS);
        queue_window_event(size_first ? SDL_WINDOWEVENT_RESIZED : SDL_WINDOWEVENT_RESTORED, 2 * WIDTH);
        window_event(size_first ? SDL_WINDOWEVENT_RESTORED : SDL_WINDOWEVENT_RESIZED, 2 * WIDTH);
        ck_assert_int_eq(width(), WIDTH); /* twice the picture of now */
        mode(WIDTH, HEIGHT);
        ck_assert_int_eq(width(), 2 * WIDTH);
    }
}
END_TEST

START_TEST(minimised_window_looks_at_nothing)
{
    ck_assert_ptr_nonnull(screen.observers);
    window_event(SDL_WINDOWEVENT_MINIMIZED, 0);
    ck_assert_ptr_null(screen.observers);
    window_event(SDL_WINDOWEVENT_RESTORED, 0);
    ck_assert_ptr_nonnull(screen.observers);
    window_event(SDL_WINDOWEVENT_HIDDEN, 0);
    ck_assert_ptr_null(screen.observers);
    window_event(SDL_WINDOWEVENT_SHOWN, 0);
    ck_assert_ptr_nonnull(screen.observers);
    ck_assert_ptr_null(screen.observers->next);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sdl");
    TCase *t = tcase_create("sdl");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_set_timeout(t, 60);
    tcase_add_test(t, button_held_when_the_grab_ends);
    tcase_add_test(t, focus_lost_and_minimised);
    tcase_add_test(t, maximised_width_is_no_scale);
    tcase_add_test(t, minimised_window_looks_at_nothing);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_ENV);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
