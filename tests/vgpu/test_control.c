// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The control socket: state, each fault that can be injected, and bad commands. Also the command
 * line's refusals.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/mc.h"
#include "client.h"

static int setup(void **state)
{
	static const char * const options[] = { "--vram", "16M", NULL };
	static struct server s;

	server_start(&s, options);
	client_connect(&s);
	client_negotiate(&s);
	*state = &s;
	return 0;
}

static int teardown(void **state)
{
	return server_stop(*state);
}

/* A number in the answer to "state", by a path such as "sensors/temp_mdeg". */
static double state_number(struct server *s, const char *path)
{
	cJSON *json = control(s, "{\"cmd\":\"state\"}");
	const cJSON *at = json;
	char copy[64], *save, *part;
	double value;

	assert_true(cJSON_IsTrue(cJSON_GetObjectItem(json, "ok")));
	snprintf(copy, sizeof(copy), "%s", path);
	for (part = strtok_r(copy, "/", &save); part; part = strtok_r(NULL, "/", &save))
		at = cJSON_GetObjectItem(at, part);
	assert_non_null(at);
	value = cJSON_IsBool(at) ? cJSON_IsTrue(at) : cJSON_GetNumberValue(at);
	cJSON_Delete(json);
	return value;
}

static void test_state(void **state)
{
	struct server *s = *state;
	cJSON *json = control(s, "{\"cmd\":\"state\"}");

	assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(json, "slots")), 8);
	cJSON_Delete(json);
	assert_true(state_number(s, "time_ns") > 0);
	assert_true(state_number(s, "sensors/power_uw") > 0);
	assert_int_equal(state_number(s, "mc/running"), 0);
}

static void test_bad_commands(void **state)
{
	static const char * const bad[] = {
		"", "x", "[]", "1", "{}", "{\"cmd\":1}", "{\"cmd\":\"fly\"}",
		"{\"cmd\":\"inject\"}",
		"{\"cmd\":\"inject\",\"fault\":\"love\"}",
		"{\"cmd\":\"inject\",\"fault\":\"hang\"}",
		"{\"cmd\":\"inject\",\"fault\":\"hang\",\"slot\":8}",
		"{\"cmd\":\"inject\",\"fault\":\"hang\",\"slot\":-1}",
		"{\"cmd\":\"inject\",\"fault\":\"hang\",\"slot\":0.5}",
		"{\"cmd\":\"inject\",\"fault\":\"hang\",\"slot\":1e300}",
		"{\"cmd\":\"inject\",\"fault\":\"ecc-corrected\"}",
		"{\"cmd\":\"inject\",\"fault\":\"ecc-corrected\",\"offset\":16777216}",
		"{\"cmd\":\"inject\",\"fault\":\"lost-irq\"}",
		"{\"cmd\":\"set\"}",
		"{\"cmd\":\"set\",\"fuse_svn\":-1}",
		"{\"cmd\":\"set\",\"trace\":true}",
	};
	struct server *s = *state;

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_false(control_ok(s, bad[i]));
	assert_true(control_ok(s, "{\"cmd\":\"state\"}"));
}

/* A line without end closes the connection, and only that one. */
static void test_endless_line(void **state)
{
	struct server *s = *state;
	char line[8192], c;
	int first;

	assert_true(control_ok(s, "{\"cmd\":\"state\"}"));
	memset(line, 'x', sizeof(line));
	assert_int_equal(write(s->ctl, line, 4096), 4096);
	first = s->ctl;
	assert_int_equal(read(first, &c, 1), 0);
	close(first);
	s->ctl = -1;
	assert_true(control_ok(s, "{\"cmd\":\"state\"}"));
}

static void test_lost_irq(void **state)
{
	struct server *s = *state;
	int irq = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	const uint32_t set[] = { 20, 0x21, 2, 0, 1 };	/* trigger MSI-X vector 0 */
	eventfd_t value;

	config_write(s, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	assert_int_equal(set_irq_fd(s, 0, irq), 0);
	assert_true(control_ok(s, "{\"cmd\":\"inject\",\"fault\":\"lost-irq\",\"count\":2}"));
	for (unsigned int i = 0; i < 3; i++) {
		assert_int_equal(client_request(s, CMD_SET_IRQS, set, sizeof(set), NULL, 0, NULL,
						0), 0);
		assert_int_equal(eventfd_read(irq, &value), i == 2 ? 0 : -1);
	}
	assert_int_equal(state_number(s, "interrupts/lost"), 2);
	assert_int_equal(state_number(s, "interrupts/mbox"), 1);
	close(irq);
}

static bool inject_error(struct server *s, unsigned int block, unsigned int severity)
{
	char line[128];

	snprintf(line, sizeof(line),
		 "{\"cmd\":\"inject\",\"fault\":\"error\",\"block\":%u,\"severity\":%u,\"addr\":5}",
		 block, severity);
	return control_ok(s, line);
}

static void test_ecc(void **state)
{
	static const char uncorrected[] =
		"{\"cmd\":\"inject\",\"fault\":\"ecc-uncorrected\",\"offset\":%u}";
	struct server *s = *state;
	char line[128];

	assert_true(control_ok(s, "{\"cmd\":\"inject\",\"fault\":\"ecc-corrected\",\"offset\":0}"));
	assert_int_equal(state_number(s, "errors/vram/corrected"), 1);
	assert_int_equal(state_number(s, "poisoned_pages"), 0);
	for (unsigned int i = 0; i < 64; i++) {
		snprintf(line, sizeof(line), uncorrected, i * 4096 + 4095);
		assert_true(control_ok(s, line));
	}
	/* The same once more, and one too many. */
	assert_true(control_ok(s, line));
	snprintf(line, sizeof(line), uncorrected, 64 * 4096);
	assert_false(control_ok(s, line));
	assert_int_equal(state_number(s, "errors/vram/uncorrected"), 65);
	assert_int_equal(state_number(s, "poisoned_pages"), 64);
	/* The boot ROM meets the bad page when it fetches an image from it. */
	reg_write(s, BLOCK_BOOT + OGPU_BOOT_ADDR_LO, 4096);
	reg_write(s, BLOCK_BOOT + OGPU_BOOT_SIZE, 512);
	reg_write(s, BLOCK_BOOT + OGPU_BOOT_CTRL, OGPU_BOOT_CTRL_START);
	while (reg_read(s, BLOCK_BOOT + OGPU_BOOT_STATUS) == OGPU_BOOT_VERIFYING)
		;
	assert_int_equal(FIELD_GET(OGPU_BOOT_STATUS_ERROR,
				   reg_read(s, BLOCK_BOOT + OGPU_BOOT_STATUS)),
			 OGPU_BOOT_ERR_ADDRESS);
	/* A reset repairs no memory, and forgets no error. */
	assert_int_equal(client_request(s, CMD_RESET, NULL, 0, NULL, 0, NULL, 0), 0);
	assert_int_equal(state_number(s, "poisoned_pages"), 64);
	assert_int_equal(state_number(s, "errors/vram/uncorrected"), 65);
	assert_int_equal(state_number(s, "spare_pages"), 64);

	assert_true(inject_error(s, OGPU_RAS_UNIT, OGPU_RAS_SEV_UNCORRECTED));
	assert_int_equal(state_number(s, "errors/unit/uncorrected"), 1);
	assert_false(inject_error(s, 5, OGPU_RAS_SEV_UNCORRECTED));
	assert_false(inject_error(s, OGPU_RAS_VRAM, OGPU_RAS_SEV_CORRECTED));
}

static void test_gone(void **state)
{
	struct server *s = *state;
	uint32_t value = 0;
	uint64_t wide = 0;

	config_write(s, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	assert_true(control_ok(s, "{\"cmd\":\"inject\",\"fault\":\"gone\"}"));
	assert_int_equal(reg_read(s, OGPU_GLB_MAGIC), 0xffffffff);
	assert_int_equal(config_read(s, PCI_VENDOR_ID, 2), 0xffff);
	assert_int_equal(client_read(s, OGPU_BAR_VRAM, 0, &wide, 8), 0);
	assert_int_equal(wide, ~0ull);
	assert_int_equal(client_read(s, OGPU_BAR_DOORBELL, 0, &value, 4), 0);
	assert_int_equal(value, 0xffffffff);
	reg_write(s, OGPU_GLB_SCRATCH, 1);
	config_write(s, PCI_COMMAND, 0, 2);
	assert_int_equal(state_number(s, "gone"), 1);
	assert_int_equal(state_number(s, "bus_master"), 0);
	/* No reset from the host brings it back; power does. */
	assert_int_equal(client_request(s, CMD_RESET, NULL, 0, NULL, 0, NULL, 0), 0);
	assert_int_equal(reg_read(s, OGPU_GLB_MAGIC), 0xffffffff);
	client_disconnect(s);
	client_connect(s);
	client_negotiate(s);
	assert_int_equal(reg_read(s, OGPU_GLB_MAGIC), OGPU_MAGIC);
}

/* The link comes up again: the card answers, and has been reset. */
static void test_link_down(void **state)
{
	struct server *s = *state;

	config_write(s, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	reg_write(s, OGPU_GLB_SCRATCH, 1);
	assert_false(control_ok(s, "{\"cmd\":\"inject\",\"fault\":\"gone\",\"ms\":0}"));
	assert_int_equal(reg_read(s, OGPU_GLB_SCRATCH), 1);
	assert_true(control_ok(s, "{\"cmd\":\"inject\",\"fault\":\"gone\",\"ms\":300}"));
	assert_int_equal(config_read(s, PCI_VENDOR_ID, 2), 0xffff);
	while (config_read(s, PCI_VENDOR_ID, 2) == 0xffff)
		;
	assert_int_equal(reg_read(s, OGPU_GLB_MAGIC), OGPU_MAGIC);
	assert_int_equal(reg_read(s, OGPU_GLB_SCRATCH), 0);
	assert_int_equal(config_read(s, PCI_COMMAND, 2) & PCI_COMMAND_MASTER, 0);
	assert_int_equal(state_number(s, "gone"), 0);
}

/* Invalidations that do not end: a reset ends the fault, and the next one has all end. */
static void test_tlbi(void **state)
{
	struct server *s = *state;

	assert_true(control_ok(s, "{\"cmd\":\"inject\",\"fault\":\"tlbi\"}"));
	reg_write(s, BLOCK_MMU + OGPU_MMU_TLBI, FIELD_PREP(OGPU_MMU_TLBI_TYPE, OGPU_MMU_TLBI_ALL));
	reg_write(s, OGPU_GLB_RESET, OGPU_GLB_RESET_COMPUTE);
	while (reg_read(s, OGPU_GLB_RESET))
		;
	assert_int_equal(reg_read(s, BLOCK_MMU + OGPU_MMU_TLBI_STARTED), 1);
	assert_int_equal(reg_read(s, BLOCK_MMU + OGPU_MMU_TLBI_DONE), 0);
	reg_write(s, BLOCK_MMU + OGPU_MMU_TLBI, FIELD_PREP(OGPU_MMU_TLBI_TYPE, OGPU_MMU_TLBI_ALL));
	while (reg_read(s, BLOCK_MMU + OGPU_MMU_TLBI_DONE) != 2)
		;
}

/* A verdict that does not come: only a reset ends the wait for it. */
static void test_rom_delay(void **state)
{
	struct server *s = *state;

	assert_false(control_ok(s, "{\"cmd\":\"inject\",\"fault\":\"rom-delay\"}"));
	assert_true(control_ok(s, "{\"cmd\":\"inject\",\"fault\":\"rom-delay\",\"ms\":100000}"));
	reg_write(s, BLOCK_BOOT + OGPU_BOOT_SIZE, 512);
	reg_write(s, BLOCK_BOOT + OGPU_BOOT_CTRL, OGPU_BOOT_CTRL_START);
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_STATUS), OGPU_BOOT_VERIFYING);
	reg_write(s, OGPU_GLB_RESET, OGPU_GLB_RESET_MC);
	while (reg_read(s, OGPU_GLB_RESET))
		;
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_STATUS), OGPU_BOOT_IDLE);
	/* The fault outlives it. */
	reg_write(s, BLOCK_BOOT + OGPU_BOOT_CTRL, OGPU_BOOT_CTRL_START);
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_STATUS), OGPU_BOOT_VERIFYING);
	assert_int_equal(client_request(s, CMD_RESET, NULL, 0, NULL, 0, NULL, 0), 0);
	assert_true(control_ok(s, "{\"cmd\":\"inject\",\"fault\":\"rom-delay\",\"ms\":0}"));
	reg_write(s, BLOCK_BOOT + OGPU_BOOT_CTRL, OGPU_BOOT_CTRL_START);
	while (reg_read(s, BLOCK_BOOT + OGPU_BOOT_STATUS) == OGPU_BOOT_VERIFYING)
		;
	assert_int_equal(FIELD_GET(OGPU_BOOT_STATUS_STATE,
				   reg_read(s, BLOCK_BOOT + OGPU_BOOT_STATUS)), OGPU_BOOT_REFUSED);
}

/* What helps then is a reset of the bus. */
static void test_stuck(void **state)
{
	struct server *s = *state;
	unsigned int exp = config_find_cap(s, PCI_CAP_ID_EXP);

	reg_write(s, OGPU_GLB_SCRATCH, 7);
	assert_true(control_ok(s, "{\"cmd\":\"inject\",\"fault\":\"stuck\"}"));
	reg_write(s, OGPU_GLB_RESET, OGPU_GLB_RESET_MC);
	assert_int_not_equal(reg_read(s, OGPU_GLB_RESET), 0);
	config_write(s, exp + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_BCR_FLR, 2);
	assert_int_equal(reg_read(s, OGPU_GLB_SCRATCH), 7);
	assert_int_equal(client_request(s, CMD_RESET, NULL, 0, NULL, 0, NULL, 0), 0);
	assert_int_equal(reg_read(s, OGPU_GLB_SCRATCH), 0);
	reg_write(s, OGPU_GLB_RESET, OGPU_GLB_RESET_MC);
	while (reg_read(s, OGPU_GLB_RESET))
		;
}

static void test_set(void **state)
{
	struct server *s = *state;

	assert_true(control_ok(s, "{\"cmd\":\"set\",\"fuse_svn\":9}"));
	assert_int_equal(reg_read(s, BLOCK_BOOT + OGPU_BOOT_SVN), 9);
	assert_true(control_ok(s, "{\"cmd\":\"set\",\"temp_mdeg\":99000}"));
	assert_in_range(state_number(s, "sensors/temp_mdeg"), 90000, 99000);
	assert_int_equal(state_number(s, "sensors/throttle"), 1);
	assert_int_equal(state_number(s, "sensors/clock_khz"), VGPU_CLOCK_KHZ / 2);
	assert_true(control_ok(s, "{\"cmd\":\"set\",\"temp_mdeg\":50000}"));
	assert_int_equal(state_number(s, "sensors/throttle"), 0);
	assert_true(control_ok(s, "{\"cmd\":\"set\",\"trace\":false}"));
}

/* Energy at rest grows by some 12 W; heat nears its rest value and never runs away. */
static void test_sensors_at_rest(void **state)
{
	struct server *s = *state;

	for (unsigned int i = 0; i < 50; i++)
		assert_in_range(state_number(s, "sensors/temp_mdeg"), 29000, 60000);
	assert_in_range(state_number(s, "sensors/power_uw"), 10000000, 14000000);
}

static int run_with(const char *option, const char *value)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout))
			_exit(126);
		execl(getenv("OGPU_VGPU"), "ogpu-vgpu", "--socket", "/tmp/ogpu-vgpu-test",
		      option, value, NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_command_line(void **state)
{
	static const struct {
		const char *option, *value;
	} bad[] = {
		{ "--socket", NULL }, { "--fly", NULL }, { "stray", NULL }, { "--vram", NULL },
		{ "--vram", "x" }, { "--vram", "1M" }, { "--vram", "-1" }, { "--vram", "20000001" },
		{ "--vram", "99999999999999999999" }, { "--vram", "18446744073709551615G" },
		{ "--vram", "256MM" }, { "--aperture", "8M" }, { "--aperture", "17M" },
		{ "--aperture", "512M" }, { "--cus", "0" }, { "--cus", "65" }, { "--fused", "4" },
		{ "--fused", "0,1,2,3" }, { "--fused", "0," }, { "--fused", "" },
		{ "--compute-slots", "31" },
		{ "--doorbells", "0" }, { "--root-key", "/nonexistent" },
		{ "--root-key", "/dev/null" }, { "--uuid", "1234" }, { "--threads", "0" },
		{ "--hw-rev", "256" }, { "--fuse-svn", "4294967296" }, { "--revoke-key", "4" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(run_with(bad[i].option, bad[i].value), 64);
	assert_int_equal(run_with("--help", NULL), 0);
	assert_int_equal(run_with("--version", NULL), 0);
	assert_int_equal(run_with("--socket", "/nonexistent/socket"), 1);
	assert_int_equal(run_with("--state", "/nonexistent/state"), 1);
}

/* A file that is none is refused, and left as it is. */
static void test_bad_state_file(void **state)
{
	static const char * const bad[] = {
		"", "{", "[]", "{}", "{\"fuse_svn\":1}", "{\"fuse_svn\":-1,\"revoked_keys\":0}",
		"{\"fuse_svn\":1.5,\"revoked_keys\":0}", "{\"fuse_svn\":1,\"revoked_keys\":16}",
		"{\"fuse_svn\":1,\"revoked_keys\":\"0\"}",
	};
	char path[] = "/tmp/ogpu-state.XXXXXX", text[64];
	int fd = mkstemp(path);

	(void)state;
	assert_return_code(fd, errno);
	close(fd);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		FILE *file = fopen(path, "w");
		size_t len;

		assert_non_null(file);
		assert_return_code(fputs(bad[i], file), errno);
		fclose(file);
		assert_int_equal(run_with("--state", path), 1);
		file = fopen(path, "r");
		assert_non_null(file);
		len = fread(text, 1, sizeof(text), file);
		fclose(file);
		assert_int_equal(len, strlen(bad[i]));
		assert_memory_equal(text, bad[i], len);
	}
	unlink(path);
}

/* A driver could not even load firmware through it. */
static void test_small_aperture(void **state)
{
	char line[256], command[512];
	FILE *out;

	(void)state;
	snprintf(command, sizeof(command), "%s --socket /tmp/ogpu-vgpu-test --aperture 8M 2>&1",
		 getenv("OGPU_VGPU"));
	out = popen(command, "r");
	assert_non_null(out);
	assert_non_null(fgets(line, sizeof(line), out));
	assert_non_null(strstr(line, "--aperture must be a power of two from 16M to the size"));
	assert_int_equal(WEXITSTATUS(pclose(out)), 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_state, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_commands, setup, teardown),
		cmocka_unit_test_setup_teardown(test_endless_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_irq, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ecc, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_link_down, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tlbi, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rom_delay, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stuck, setup, teardown),
		cmocka_unit_test_setup_teardown(test_set, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sensors_at_rest, setup, teardown),
		cmocka_unit_test(test_command_line),
		cmocka_unit_test(test_bad_state_file),
		cmocka_unit_test(test_small_aperture),
	};

	return cmocka_run_group_tests_name("vgpu-control", tests, NULL, NULL);
}
