/*
 * The window. The machine's thread hands over changed rectangles, which are
 * copied; the main thread looks every few milliseconds, uploads them to a
 * texture and presents it, and takes SDL's events. Keys go by scan code
 * (keymap.def), so the guest's own keyboard layout holds; the mouse is
 * relative while grabbed (a click or Ctrl-Alt-g, which also lets go). Host key
 * repeat is not passed on: the PS/2 keyboard repeats by itself.
 */
#include "frontend/sdl.h"

#include <SDL.h>
#include <pthread.h>
#include <stdlib.h>

enum { POLL_MS = 8, MAX_DIRTY = 64, FIRST_WIDTH = 640, FIRST_HEIGHT = 480 };

struct sdl {
    struct loop *loop;
    struct machine *machine;
    struct keys *keys;
    struct loop_timer timer;
    struct screen_observer observer;

    pthread_mutex_t lock; /* of the picture below, which the machine's thread writes */
    u32 *pixels;
    int width, height;
    struct rect dirty[MAX_DIRTY];
    int ndirty;

    SDL_Window *window;
    SDL_Renderer *renderer;
    SDL_Texture *texture;
    int texture_width, texture_height;
    double scale; /* window to picture, as the user last made it */
    bool grabbed, fullscreen, redraw, title_stale;
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
    pthread_mutex_unlock(&s->lock);
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

static void set_grab(struct sdl *s, bool on)
{
    s->grabbed = on;
    SDL_SetRelativeMouseMode(on ? SDL_TRUE : SDL_FALSE);
    SDL_SetWindowKeyboardGrab(s->window, on ? SDL_TRUE : SDL_FALSE);
    s->title_stale = true;
}

static void set_fullscreen(struct sdl *s, bool on)
{
    s->fullscreen = on;
    SDL_SetWindowFullscreen(s->window, on ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0);
    if (!on)
        SDL_SetWindowSize(s->window, (int)(s->texture_width * s->scale), (int)(s->texture_height * s->scale));
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
    if (!s->fullscreen)
        SDL_SetWindowSize(s->window, (int)(s->width * s->scale), (int)(s->height * s->scale));
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

static void present(struct sdl *s)
{
    upload(s);
    if (!s->redraw)
        return;
    s->redraw = false;
    SDL_SetRenderDrawColor(s->renderer, 0, 0, 0, SDL_ALPHA_OPAQUE);
    SDL_RenderClear(s->renderer);
    if (s->texture)
        SDL_RenderCopy(s->renderer, s->texture, NULL, NULL);
    SDL_RenderPresent(s->renderer);
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

static void flush_motion(struct sdl *s)
{
    if (s->dx || s->dy || s->dz)
        keys_mouse_move(s->keys, s->dx, s->dy, s->dz);
    s->dx = s->dy = s->dz = 0;
}

static void on_button(struct sdl *s, const SDL_MouseButtonEvent *b)
{
    unsigned bit = b->button == SDL_BUTTON_LEFT     ? 1
                   : b->button == SDL_BUTTON_RIGHT  ? 2
                   : b->button == SDL_BUTTON_MIDDLE ? 4
                                                    : 0;
    if (!s->grabbed) {
        if (b->type == SDL_MOUSEBUTTONUP && bit == 1)
            set_grab(s, true);
        return;
    }
    flush_motion(s);
    unsigned held = keys_buttons(s->keys);
    keys_mouse_buttons(s->keys, b->type == SDL_MOUSEBUTTONDOWN ? held | bit : held & ~bit);
}

static void on_resized(struct sdl *s, int width)
{
    if (!s->fullscreen && s->texture_width)
        s->scale = (double)width / s->texture_width;
    s->redraw = true;
}

static void on_window(struct sdl *s, const SDL_WindowEvent *w)
{
    switch (w->event) {
    case SDL_WINDOWEVENT_CLOSE:
        machine_quit(s->machine, 0);
        break;
    case SDL_WINDOWEVENT_RESIZED:
        on_resized(s, w->data1);
        break; /* by the user, not by SetWindowSize */
    case SDL_WINDOWEVENT_FOCUS_LOST:
        release_keys(s);
        if (s->grabbed)
            set_grab(s, false);
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
        machine_quit(s->machine, 0);
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

static void serve(void *owner)
{
    struct sdl *s = owner;
    SDL_Event e;
    while (!machine_ended(s->machine) && SDL_PollEvent(&e))
        on_event(s, &e);
    if (machine_ended(s->machine))
        return;
    flush_motion(s);
    update_title(s);
    present(s);
    loop_timer_set(s->loop, &s->timer, POLL_MS);
}

/* ---- life ---- */

static bool open_window(struct sdl *s)
{
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1"); /* main.c has its own */
    SDL_SetHint(SDL_HINT_VIDEO_X11_NET_WM_BYPASS_COMPOSITOR, "0");
    SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
    SDL_SetHint(SDL_HINT_RENDER_SCALE_QUALITY, "linear");
    if (SDL_InitSubSystem(SDL_INIT_VIDEO) < 0)
        return false;
    s->window = SDL_CreateWindow("Orrery", SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED, FIRST_WIDTH, FIRST_HEIGHT,
                                 SDL_WINDOW_RESIZABLE);
    if (!s->window)
        return false;
    s->renderer = SDL_CreateRenderer(s->window, -1, 0);
    if (!s->renderer)
        s->renderer = SDL_CreateRenderer(s->window, -1, SDL_RENDERER_SOFTWARE);
    return s->renderer != NULL;
}

struct sdl *sdl_create(struct loop *loop, struct machine *m, struct keys *keys, struct error *e)
{
    struct sdl *s = calloc(1, sizeof *s);
    if (!s) {
        fail(e, "out of memory");
        return NULL;
    }
    *s = (struct sdl){.loop = loop,
                      .machine = m,
                      .keys = keys,
                      .scale = 1,
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
    machine_add_screen(m, &s->observer);
    loop_timer_set(loop, &s->timer, 0);
    return s;
}

void sdl_free(struct sdl *s)
{
    if (!s)
        return;
    loop_timer_cancel(s->loop, &s->timer);
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
