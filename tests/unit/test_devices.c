/*
 * Devices by name: properties from text, globals, buses, coming and going, and
 * what monitors tell of them.
 */
#include <jansson.h>

#include "frontend/hmp.h"
#include "frontend/qmp.h"
#include "tests/unit/frontend_rig.h"

static struct rig rig;
static struct hmp_session session;
static struct qmp *qmp;

static const char *hmp(const char *line)
{
    static char text[65536];
    char *s = rig_hmp(&rig, &session, line);
    snprintf(text, sizeof(text), "%s", s);
    free(s);
    return text;
}
/* To QMP, with ' for ". */
static const char *say(const char *request)
{
    char json[512];
    snprintf(json, sizeof(json), "%s\n", request);
    for (char *p = json; *p; p++)
        if (*p == '\'')
            *p = '"';
    return rig_talk(&rig, json);
}
static void setup(void)
{
    rig_open(&rig, 1);
    hmp_session_init(&session);
    qmp = qmp_create(&rig.host, rig.stream);
    say("{'execute':'qmp_capabilities'}");
}
static void teardown(void)
{
    qmp_free(qmp);
    hmp_session_free(&session);
    rig_close(&rig);
}

#define SAYS(line, text) ck_assert_str_eq(hmp(line), text)
#define HAS(got, text)                                                                                                 \
    do {                                                                                                               \
        const char *has_ = (got);                                                                                      \
        ck_assert_msg(strstr(has_, text) != NULL, "no '%s' in: %s", text, has_);                                       \
    } while (0)

static u8 in8(u16 port) { return (u8)space_read(&rig.m->sys.io, port, 1); }

/* What comes answers at its ports, and answers no more when it went; its back end and its name are free again. */
START_TEST(comes_and_goes)
{
    enum { SCRATCH = 0x2ff };
    for (unsigned round = 0; round < 100; round++) { /* more often than a wire has inputs */
        SAYS("device_add isa-serial,id=s,index=1", "");
        space_write(&rig.m->sys.io, SCRATCH, 0x5a, 1);
        ck_assert_uint_eq(in8(SCRATCH), 0x5a);
        SAYS("device_add isa-serial,id=s", "Error: Duplicate device ID 's'\n");
        SAYS("device_del s", "");
        ck_assert_uint_eq(in8(SCRATCH), 0xff);
    }
    SAYS("device_del s", "Error: Device 's' not found\n");
    SAYS("device_add isa-serial,index=1", "");
    HAS(hmp("info qtree"), "dev: isa-serial, id \"\"\n    chardev = \"\"\n    index = 1\n    iobase = 0x2f8\n");
}
END_TEST

START_TEST(refusals)
{
    SAYS("device_add isa-seral", "Error: device 'isa-seral' is unknown, did you mean 'isa-serial'?\n");
    SAYS("device_add isa-serial,iobse=1", "Error: isa-serial property 'iobse' is unknown, did you mean 'iobase'?\n");
    SAYS("device_add isa-serial,irq=16", "Error: 'irq=16' must be a number from 0 to 15\n");
    SAYS("device_add isa-serial,irq=x", "Error: 'irq=x' must be a number from 0 to 15\n");
    SAYS("device_add isa-serial,chardev=no", "Error: isa-serial: there is no free -chardev with id 'no'\n");
    SAYS("device_add isa-serial,bus=no", "Error: Bus 'no' not found\n");
    SAYS("device_add isa-serial,bus=main-system-bus",
         "Error: 'isa-serial' cannot be plugged into bus 'main-system-bus', which is of type System\n");
    SAYS("device_add pci-serial", "Error: device 'pci-serial' does not support hotplugging\n");
    SAYS("device_add hpet", "Error: device 'hpet' is part of the board, it cannot be added\n");
    SAYS("device_add iobase=3", "Error: a device's name comes first, '-device help' lists them\n");
}
END_TEST

START_TEST(globals)
{
    const struct global_property iobase = {"isa-debugcon", "iobase", "0x402", NULL};
    const struct global_property other = {"isa-serial", "irq", "99", &iobase};
    rig.m->sys.globals = &other;
    SAYS("device_add isa-debugcon,id=d", "");
    ck_assert_uint_eq(in8(0x402), 0xe9);
    SAYS("device_add isa-debugcon,id=e,iobase=0x500,readback=7", "");
    ck_assert_uint_eq(in8(0x500), 7);
    SAYS("device_add isa-serial", "Error: isa-serial: 'irq=99' must be a number from 0 to 15\n");
}
END_TEST

START_TEST(paths)
{
    hmp("device_add isa-debugcon,id=d,iobase=0x402");
    HAS(hmp("info qom-tree"), "/machine (bare-machine)\n  /peripheral (container)\n    /d (isa-debugcon)\n");
    HAS(hmp("info qom-tree"), "/unattached (container)\n    /device[0] (x86_64-cpu)\n");
    HAS(hmp("qom-list /machine/peripheral"), "d (child<isa-debugcon>)\n");
    SAYS("qom-get /machine/peripheral/d iobase", "0x402\n");
    SAYS("qom-get d readback", "233\n");
    SAYS("qom-get d hotpluggable", "true\n");
    SAYS("qom-get d no", "Error: Property 'isa-debugcon.no' not found\n");
    SAYS("qom-list /machine/no", "Error: Device '/machine/no' not found\n");
}
END_TEST

START_TEST(programs)
{
    HAS(say("{'execute':'device_add','arguments':{'driver':'isa-debugcon','id':'d','iobase':1026}}"),
        "{\"return\": {}}");
    ck_assert_uint_eq(in8(0x402), 0xe9);
    HAS(say("{'execute':'qom-get','arguments':{'path':'/machine/peripheral/d','property':'iobase'}}"),
        "{\"return\": 1026}");
    HAS(say("{'execute':'qom-list','arguments':{'path':'/machine/peripheral'}}"),
        "{\"name\": \"d\", \"type\": \"child<isa-debugcon>\"}");
    HAS(say("{'execute':'device-list-properties','arguments':{'typename':'isa-debugcon'}}"),
        "\"name\": \"iobase\", \"type\": \"uint16\"");
    HAS(say("{'execute':'qom-list-types'}"), "{\"name\": \"pci-serial\", \"parent\": \"device\"}");
    HAS(say("{'execute':'device_add','arguments':{'driver':'isa-debugcon','iobase':[]}}"),
        "Invalid parameter type for 'iobase'");
    HAS(say("{'execute':'device_del','arguments':{'id':'d'}}"),
        "\"event\": \"DEVICE_DELETED\", \"data\": {\"device\": \"d\", \"path\": \"/machine/peripheral/d\"}");
    HAS(say("{'execute':'device_del','arguments':{'id':'d'}}"), "\"class\": \"DeviceNotFound\"");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("devices");
    TCase *t = tcase_create("devices");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, comes_and_goes);
    tcase_add_test(t, refusals);
    tcase_add_test(t, globals);
    tcase_add_test(t, paths);
    tcase_add_test(t, programs);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    int failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
