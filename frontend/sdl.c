/*
 * The window. The machine's thread hands over changed rectangles, which are
 * copied, and wakes the main thread, which uploads them to a texture, presents
 * it, and takes SDL's events when the connection to the display has some. Keys
 * go by scan code (keymap.def), so the guest's own keyboard layout holds; the
 * mouse is relative while grabbed (a click or Ctrl-Alt-g, which also lets go).
 * Host key repeat is not passed on: the PS/2 keyboard repeats by itself. While
 * the window is minimised nobody looks at the guest's screen.
 */
#include "frontend/sdl.h"

#include <SDL.h>
#include <SDL_syswm.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>

enum {
    TICK_MS = 250, /* SDL has timeouts of its own, and the title follows the machine's state */
    POLL_MS = 8,   /* without a connection to wait on: while something goes on, and when nothing does */
    IDLE_MS = 50,
    ACTIVE_MS = 1000,
    SETTLE_MS = 300, /* a window manager's change of size and of state arrive together, in either order */
    MAX_DIRTY = 64,
    FIRST_WIDTH = 640,
    FIRST_HEIGHT = 480
};

struct sdl {
    struct loop *loop;
    struct machine *machine;
    struct keys *keys;
    struct sdl_options options;
    struct loop_timer timer;
    struct loop_fd connection; /* to the display; -1: SDL has to be asked now and then */
    u64 active_ms;             /* when something was last to be done */
    struct screen_observer observer;
    bool watching; /* ... is attached */

    pthread_mutex_t lock; /* of the picture below, which the machine's thread writes */
    u32 *pixels;
    int width, height;
    struct rect dirty[MAX_DIRTY];
    int ndirty;
    bool posted; /* the main thread has been told */

    SDL_Window *window;
    SDL_Renderer *renderer;
    SDL_Texture *texture;
    int texture_width, texture_height;
    double scale;        /* window to picture, as the user last made it */
    double scale_before; /* ... and before that, */
    u64 resized_ms;      /* which was then */
    u64 arranged_ms;     /* when the window was last maximised or restored */
    bool grabbed, fullscreen, maximised, redraw, title_stale;
    unsigned held; /* mouse buttons that are down in the guest */
    bool clicked;  /* the left button went down outside a grab */
    enum run_state shown_state;
    bool down[SDL_NUM_SCANCODES];
    SDL_Scancode swallowed; /* of a Ctrl-Alt command: its release is ours too */
    int dx, dy, dz;         /* collected within one round */
};

static const struct {
    SDL_Scancode scancode;
    u32 code;
} keymap[] = {
#define KEY(name, code, sdl) {sdl, code},
#include "frontend/keymap.def"
#undef KEY
};

bool sdl_display_exists(void)
{
    static const char *const variable[] = {"DISPLAY", "WAYLAND_DISPLAY"};
    for (unsigned i = 0; i < ARRAY_LEN(variable); i++) {
        const char *value = getenv(variable[i]);
        if (value && *value)
            return true;
    }
    return false;
}

/* ---- the machine's thread ---- */

static void copy_rect(struct sdl *s, const struct surface *from, const struct rect *r)
{
    for (int y = r->y; y < r->y + r->h; y++)
        memcpy(s->pixels + (size_t)y * (size_t)s->width + r->x, from->pixels + (size_t)y * (size_t)from->stride + r->x,
               (size_t)r->w * sizeof *s->pixels);
}

/* The smallest rectangle around all that is dirty takes the place of the list when that is full. */
static void note_dirty(struct sdl *s, const struct rect *r)
{
    if (s->ndirty < MAX_DIRTY) {
        s->dirty[s->ndirty++] = *r;
        return;
    }
    s->dirty[0] = (struct rect){0, 0, s->width, s->height};
    s->ndirty = 1;
}

static bool picture_resize(struct sdl *s, int width, int height)
{
    u32 *pixels = calloc((size_t)width * (size_t)height, sizeof *pixels);
    if (!pixels)
        return false;
    free(s->pixels);
    s->pixels = pixels;
    s->width = width;
    s->height = height;
    s->ndirty = 0;
    return true;
}

static void serve(void *owner);

/* The main thread again: there is something to present. */
static void frame_posted(void *owner)
{
    struct sdl *s = owner;
    pthread_mutex_lock(&s->lock);
    s->posted = false;
    pthread_mutex_unlock(&s->lock);
    serve(s);
}

static void on_frame(struct screen_observer *o, const struct surface *from, const struct rect *dirty, int count)
{
    struct sdl *s = container_of(o, struct sdl, observer);
    struct rect all = {0, 0, from->width, from->height};
    pthread_mutex_lock(&s->lock);
    bool resized = from->width != s->width || from->height != s->height;
    if (!resized || picture_resize(s, from->width, from->height)) {
        if (resized) {
            dirty = &all;
            count = 1;
        }
        for (int i = 0; i < count; i++) {
            copy_rect(s, from, &dirty[i]);
            note_dirty(s, &dirty[i]);
        }
    }
    bool tell = !s->posted;
    s->posted = true;
    pthread_mutex_unlock(&s->lock);
    if (tell)
        loop_post(s->loop, frame_posted, s);
}

/* ---- the window ---- */

static void update_title(struct sdl *s)
{
    char title[200];
    const char *name = s->machine->config.name, *state = "";
    enum run_state now = machine_state(s->machine);
    if (now == s->shown_state && !s->title_stale)
        return;
    s->shown_state = now;
    s->title_stale = false;
    if (now == RUN_PAUSED || now == RUN_PRELAUNCH || now == RUN_DEBUG)
        state = " [Paused]";
    else if (now == RUN_SUSPENDED)
        state = " [Suspended]";
    else if (now != RUN_RUNNING)
        state = " [Stopped]";
    snprintf(title, sizeof title, "Orrery%s%.80s%s%s%s", name ? " (" : "", name ? name : "", name ? ")" : "", state,
             s->grabbed ? " - Press Ctrl-Alt-G to release grab" : "");
    SDL_SetWindowTitle(s->window, title);
}

static void flush_motion(struct sdl *s)
{
    if (s->dx || s->dy || s->dz)
        keys_mouse_move(s->keys, s->dx, s->dy, s->dz);
    s->dx = s->dy = s->dz = 0;
}

static void set_button(struct sdl *s, unsigned bit, bool down)
{
    unsigned now = keys_buttons(s->keys);
    s->held = down ? s->held | bit : s->held & ~bit;
    keys_mouse_buttons(s->keys, down ? now | bit : now & ~bit);
}

/* What is held down when the grab ends is let go of: its release will not be the guest's any more. */
static void set_grab(struct sdl *s, bool on)
{
    if (s->grabbed && !on) {
        flush_motion(s);
        if (s->held)
            set_button(s, s->held, false);
    }
    s->grabbed = on;
    s->clicked = false;
    SDL_SetRelativeMouseMode(on ? SDL_TRUE : SDL_FALSE);
    SDL_SetWindowKeyboardGrab(s->window, on ? SDL_TRUE : SDL_FALSE);
    s->title_stale = true;
}

/* The picture's size times the scale, unless the window has its size from somebody else. */
static void fit_window(struct sdl *s)
{
    if (!s->fullscreen && !s->maximised && s->texture_width)
        SDL_SetWindowSize(s->window, (int)(s->texture_width * s->scale), (int)(s->texture_height * s->scale));
}

static void set_fullscreen(struct sdl *s, bool on)
{
    s->fullscreen = on;
    SDL_SetWindowFullscreen(s->window, on ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0);
    fit_window(s);
    s->redraw = true;
}

/* A texture of the picture's size; the window follows the mode. Under the lock. */
static void fit_texture(struct sdl *s)
{
    if (s->texture && s->texture_width == s->width && s->texture_height == s->height)
        return;
    if (s->texture)
        SDL_DestroyTexture(s->texture);
    s->texture =
        SDL_CreateTexture(s->renderer, SDL_PIXELFORMAT_RGB888, SDL_TEXTUREACCESS_STREAMING, s->width, s->height);
    s->texture_width = s->width;
    s->texture_height = s->height;
    s->dirty[0] = (struct rect){0, 0, s->width, s->height};
    s->ndirty = 1;
    SDL_RenderSetLogicalSize(s->renderer, s->width, s->height); /* keeps the shape when the window has another */
    fit_window(s);
}

static void upload(struct sdl *s)
{
    pthread_mutex_lock(&s->lock);
    if (s->width)
        fit_texture(s);
    for (int i = 0; s->texture && i < s->ndirty; i++) {
        const struct rect *r = &s->dirty[i];
        SDL_Rect to = {r->x, r->y, r->w, r->h};
        SDL_UpdateTexture(s->texture, &to, s->pixels + (size_t)r->y * (size_t)s->width + r->x,
                          s->width * (int)sizeof *s->pixels);
        s->redraw = true;
    }
    s->ndirty = 0;
    pthread_mutex_unlock(&s->lock);
}

/* True: there was something new. */
static bool present(struct sdl *s)
{
    upload(s);
    if (!s->redraw || !s->watching)
        return false;
    s->redraw = false;
    SDL_SetRenderDrawColor(s->renderer, 0, 0, 0, SDL_ALPHA_OPAQUE);
    SDL_RenderClear(s->renderer);
    if (s->texture)
        SDL_RenderCopy(s->renderer, s->texture, NULL, NULL);
    SDL_RenderPresent(s->renderer);
    return true;
}

/* ---- input ---- */

static u32 code_of(SDL_Scancode scancode)
{
    for (unsigned i = 0; i < ARRAY_LEN(keymap); i++)
        if (keymap[i].scancode == scancode && scancode != SDL_SCANCODE_UNKNOWN)
            return keymap[i].code;
    return 0;
}

static void set_key(struct sdl *s, SDL_Scancode scancode, bool down)
{
    u32 code = code_of(scancode);
    if (!code || s->down[scancode] == down)
        return;
    s->down[scancode] = down;
    keys_set(s->keys, code, down);
}

/* When the window loses the keyboard it will not see their releases. */
static void release_keys(struct sdl *s)
{
    for (int i = 0; i < SDL_NUM_SCANCODES; i++)
        if (s->down[i])
            set_key(s, (SDL_Scancode)i, false);
}

/* Ctrl-Alt with g or f is for us; the guest has seen Ctrl and Alt, and sees them released. */
static bool command_key(struct sdl *s, const SDL_KeyboardEvent *k)
{
    if (k->type == SDL_KEYUP && k->keysym.scancode == s->swallowed) {
        s->swallowed = SDL_SCANCODE_UNKNOWN;
        return true;
    }
    if (k->type != SDL_KEYDOWN || !(k->keysym.mod & KMOD_CTRL) || !(k->keysym.mod & KMOD_ALT))
        return false;
    if (k->keysym.scancode != SDL_SCANCODE_G && k->keysym.scancode != SDL_SCANCODE_F)
        return false;
    s->swallowed = k->keysym.scancode;
    if (k->repeat)
        return true;
    if (k->keysym.scancode == SDL_SCANCODE_G)
        set_grab(s, !s->grabbed);
    else
        set_fullscreen(s, !s->fullscreen);
    return true;
}

static void on_key(struct sdl *s, const SDL_KeyboardEvent *k)
{
    if (!command_key(s, k) && !k->repeat)
        set_key(s, k->keysym.scancode, k->type == SDL_KEYDOWN);
}

/* A click outside the grab, both halves of it, takes it. */
static void on_button(struct sdl *s, const SDL_MouseButtonEvent *b)
{
    unsigned bit = b->button == SDL_BUTTON_LEFT     ? 1
                   : b->button == SDL_BUTTON_RIGHT  ? 2
                   : b->button == SDL_BUTTON_MIDDLE ? 4
                                                    : 0;
    bool down = b->type == SDL_MOUSEBUTTONDOWN;
    if (s->grabbed) {
        flush_motion(s);
        set_button(s, bit, down);
    } else if (bit == 1 && !down && s->clicked) {
        set_grab(s, true);
    } else if (bit == 1) {
        s->clicked = down;
    }
}

/* Not by SDL_SetWindowSize. It is the user's unless it goes with a change of the window's state. */
static void on_resized(struct sdl *s, int width)
{
    u64 now = loop_now_ms();
    s->redraw = true;
    if (s->fullscreen || s->maximised || !s->texture_width || now - s->arranged_ms < SETTLE_MS)
        return;
    s->scale_before = s->scale;
    s->resized_ms = now;
    s->scale = (double)width / s->texture_width;
}

static void on_arranged(struct sdl *s, bool maximised)
{
    u64 now = loop_now_ms();
    s->redraw = true;
    if (s->maximised == maximised)
        return;
    if (now - s->resized_ms < SETTLE_MS)
        s->scale = s->scale_before;
    s->arranged_ms = now;
    s->maximised = maximised;
    fit_window(s);
}

/* The guest's screen is looked at while the window can be seen. */
static void watch(struct sdl *s, bool on)
{
    if (s->watching == on)
        return;
    s->watching = on;
    if (on)
        machine_add_screen(s->machine, NULL, &s->observer);
    else
        machine_remove_screen(s->machine, &s->observer);
}

static void let_go(struct sdl *s)
{
    release_keys(s);
    if (s->grabbed)
        set_grab(s, false);
}

static void close_asked(struct sdl *s)
{
    if (s->options.close_ends)
        machine_quit(s->machine, "host-ui");
}

static void on_window(struct sdl *s, const SDL_WindowEvent *w)
{
    switch (w->event) {
    case SDL_WINDOWEVENT_CLOSE:
        close_asked(s);
        return;
    case SDL_WINDOWEVENT_RESIZED:
        on_resized(s, w->data1);
        break;
    case SDL_WINDOWEVENT_MAXIMIZED:
        watch(s, true);
        on_arranged(s, true);
        break;
    case SDL_WINDOWEVENT_RESTORED:
        watch(s, true);
        on_arranged(s, SDL_GetWindowFlags(s->window) & SDL_WINDOW_MAXIMIZED);
        break;
    case SDL_WINDOWEVENT_SHOWN:
        watch(s, true);
        break;
    case SDL_WINDOWEVENT_MINIMIZED:
    case SDL_WINDOWEVENT_HIDDEN:
        let_go(s);
        watch(s, false);
        break;
    case SDL_WINDOWEVENT_FOCUS_LOST:
        let_go(s);
        break;
    case SDL_WINDOWEVENT_EXPOSED:
    case SDL_WINDOWEVENT_SIZE_CHANGED:
        s->redraw = true;
        break;
    default:
        break;
    }
}

/* The renderer lost what textures held. */
static void on_reset(struct sdl *s)
{
    if (s->texture)
        SDL_DestroyTexture(s->texture);
    s->texture = NULL;
}

static void on_event(struct sdl *s, const SDL_Event *e)
{
    switch (e->type) {
    case SDL_QUIT:
        close_asked(s);
        break;
    case SDL_WINDOWEVENT:
        on_window(s, &e->window);
        break;
    case SDL_KEYDOWN:
    case SDL_KEYUP:
        on_key(s, &e->key);
        break;
    case SDL_MOUSEBUTTONDOWN:
    case SDL_MOUSEBUTTONUP:
        on_button(s, &e->button);
        break;
    case SDL_MOUSEMOTION:
        if (s->grabbed) {
            s->dx += e->motion.xrel;
            s->dy += e->motion.yrel;
        }
        break;
    case SDL_MOUSEWHEEL:
        if (s->grabbed)
            s->dz += e->wheel.y;
        break;
    case SDL_RENDER_TARGETS_RESET:
    case SDL_RENDER_DEVICE_RESET:
        on_reset(s);
        break;
    default:
        break;
    }
}

/* Presents what there is and takes all events. */
static void serve(void *owner)
{
    struct sdl *s = owner;
    SDL_Event e;
    u64 now = loop_now_ms();
    while (!machine_ended(s->machine) && SDL_PollEvent(&e)) {
        on_event(s, &e);
        s->active_ms = now;
    }
    if (machine_ended(s->machine))
        return;
    flush_motion(s);
    update_title(s);
    if (present(s))
        s->active_ms = now;
    /* What presenting took off the connection is in SDL's queue, where no poll sees it. */
    SDL_PumpEvents();
    u64 wait = s->connection.fd >= 0 ? TICK_MS : now - s->active_ms < ACTIVE_MS ? POLL_MS : IDLE_MS;
    loop_timer_set(s->loop, &s->timer, SDL_HasEvents(SDL_FIRSTEVENT, SDL_LASTEVENT) ? 0 : wait);
}

static void connection_ready(void *owner, short revents)
{
    (void)revents;
    serve(owner);
}

/* ---- life ---- */

/* A driver that draws nowhere, which SDL falls back to; whoever names one wants it. */
static bool shows_nothing(const char *driver)
{
    return !getenv("SDL_VIDEODRIVER") && (!strcmp(driver, "offscreen") || !strcmp(driver, "dummy"));
}

#ifdef SDL_VIDEO_DRIVER_X11
/* The socket that events come from, or -1. */
static int connection_fd(SDL_Window *window)
{
    SDL_SysWMinfo info;
    SDL_VERSION(&info.version);
    return SDL_GetWindowWMInfo(window, &info) && info.subsystem == SDL_SYSWM_X11
               ? ConnectionNumber(info.info.x11.display)
               : -1;
}
#else
static int connection_fd(SDL_Window *window)
{
    (void)window;
    return -1;
}
#endif

static bool open_window(struct sdl *s)
{
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1"); /* main.c has its own */
    SDL_SetHint(SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR, "0");
    SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
    SDL_SetHint(SDL_HINT_RENDER_SCALE_QUALITY, "linear");
    if (SDL_InitSubSystem(SDL_INIT_VIDEO) < 0)
        return false;
    if (shows_nothing(SDL_GetCurrentVideoDriver())) {
        SDL_SetError("there is no display (DISPLAY and WAYLAND_DISPLAY lead to none)");
        return false;
    }
    s->window = SDL_CreateWindow("Orrery", SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED, FIRST_WIDTH, FIRST_HEIGHT,
                                 SDL_WINDOW_RESIZABLE);
    if (!s->window)
        return false;
    s->renderer = SDL_CreateRenderer(s->window, -1, 0);
    if (!s->renderer)
        s->renderer = SDL_CreateRenderer(s->window, -1, SDL_RENDERER_SOFTWARE);
    return s->renderer != NULL;
}

struct sdl *sdl_create(struct loop *loop, struct machine *m, struct keys *keys, const struct sdl_options *options,
                       struct error *e)
{
    struct sdl *s = calloc(1, sizeof *s);
    if (!s) {
        fail(e, "out of memory");
        return NULL;
    }
    *s = (struct sdl){.loop = loop,
                      .machine = m,
                      .keys = keys,
                      .options = *options,
                      .scale = 1,
                      .scale_before = 1,
                      .redraw = true,
                      .title_stale = true,
                      .observer = {.frame = on_frame},
                      .timer = {.fire = serve, .owner = s}};
    pthread_mutex_init(&s->lock, NULL);
    if (!open_window(s)) {
        fail(e, "-display sdl: cannot open a window: %s (use -display none or -nographic without one)", SDL_GetError());
        sdl_free(s);
        return NULL;
    }
    s->connection =
        (struct loop_fd){.fd = connection_fd(s->window), .events = POLLIN, .ready = connection_ready, .owner = s};
    loop_fd_add(loop, &s->connection);
    if (options->full_screen)
        set_fullscreen(s, true);
    watch(s, true);
    loop_timer_set(loop, &s->timer, 0);
    return s;
}

void sdl_free(struct sdl *s)
{
    if (!s)
        return;
    loop_timer_cancel(s->loop, &s->timer);
    loop_fd_remove(s->loop, &s->connection);
    if (s->texture)
        SDL_DestroyTexture(s->texture);
    if (s->renderer)
        SDL_DestroyRenderer(s->renderer);
    if (s->window)
        SDL_DestroyWindow(s->window);
    SDL_QuitSubSystem(SDL_INIT_VIDEO);
    pthread_mutex_destroy(&s->lock);
    free(s->pixels);
    free(s);
}
