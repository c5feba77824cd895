/*
 * Debian's Lua interpreter, linked statically, runs script.lua, which this
 * file contains. Only the libraries that need no operating system are opened.
 */
#include "bench.h"
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

extern const char lua_script[], lua_script_end[];

__asm__(".pushsection .rodata\n"
        "lua_script: .incbin \"script.lua\"\n"
        "lua_script_end:\n"
        ".popsection\n");

uint64_t bench_lua(unsigned count)
{
    static const luaL_Reg libraries[] = {
        {LUA_GNAME, luaopen_base},
        {LUA_TABLIBNAME, luaopen_table},
        {LUA_STRLIBNAME, luaopen_string},
        {LUA_MATHLIBNAME, luaopen_math},
    };
    lua_State *lua = luaL_newstate();
    if (!lua)
        bench_die("lua: out of memory");
    for (size_t i = 0; i < sizeof libraries / sizeof libraries[0]; i++) {
        luaL_requiref(lua, libraries[i].name, libraries[i].func, 1);
        lua_pop(lua, 1);
    }
    if (luaL_loadbuffer(lua, lua_script, (size_t)(lua_script_end - lua_script), "script.lua") ||
        lua_pcall(lua, 0, 0, 0))
        bench_die(lua_tostring(lua, -1));
    lua_getglobal(lua, "bench");
    lua_pushinteger(lua, count);
    if (lua_pcall(lua, 1, 1, 0))
        bench_die(lua_tostring(lua, -1));
    uint64_t sum = (uint64_t)lua_tointeger(lua, -1);
    lua_close(lua);
    return sum;
}
