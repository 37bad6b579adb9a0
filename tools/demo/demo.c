// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * ogpu-demo: runs compute jobs on a card through libogpu and checks each against the CPU.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "job.h"

#define SCRATCH_SIZE	4096
#define ARGS_OFFSET	64
#define STREAM_SIZE	4096
#define WAIT_NS		(60ll * 1000000000)

static const struct job jobs[] = {
	{ "saxpy", job_saxpy },
	{ "sgemm", job_sgemm },
	{ "sketch", job_sketch },
	{ "reduce", job_reduce },
	{ "copy", job_copy },
};

#define JOB_COUNT	(sizeof(jobs) / sizeof(jobs[0]))

uint32_t demo_random(uint32_t *state)
{
	/* xorshift32 (Marsaglia, 2003) */
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

float demo_random_float(uint32_t *state)
{
	return demo_random(state) / 2147483648.0f - 1;
}

int demo_load(struct demo *demo, const char *kernel, struct ogpu_program **program,
	      uint64_t *entry)
{
	char path[4096];
	int ret;

	snprintf(path, sizeof(path), "%s/%s.elf", demo->kernel_dir, kernel);
	ret = ogpu_program_load_file(demo->vm, path, program);
	if (ret) {
		fprintf(stderr, "ogpu-demo: cannot load %s: %s\n", path, strerror(-ret));
		return ret;
	}
	ret = ogpu_program_entry(*program, kernel, entry);
	if (ret) {
		fprintf(stderr, "ogpu-demo: no function %s in %s\n", kernel, path);
		ogpu_program_destroy(*program);
	}
	return ret;
}

void demo_begin(struct demo *demo)
{
	ogpu_stream_reset(&demo->stream);
	ogpu_emit_timestamp(&demo->stream, demo->scratch.va);
}

static void report_queue(struct ogpu_queue *queue, const struct ogpu_program *program)
{
	struct drm_ogpu_queue_get_state state;
	char why[256];

	if (ogpu_queue_state(queue, &state) || !state.error)
		return;
	if (ogpu_queue_explain(queue, program, why, sizeof(why)) >= 0)
		fprintf(stderr, "ogpu-demo: queue failed: %s\n", why);
}

int demo_run(struct demo *demo, struct ogpu_queue *queue, const struct ogpu_program *program,
	     double *gpu_ns)
{
	const volatile uint64_t *times = demo->scratch.ptr;
	uint64_t point;
	int ret;

	ogpu_emit_timestamp(&demo->stream, demo->scratch.va + 8);
	ret = ogpu_queue_submit(queue, &demo->stream, NULL, 0, &point);
	if (!ret)
		ret = ogpu_queue_wait(queue, point, WAIT_NS);
	if (ret) {
		report_queue(queue, program);
		return ret;
	}
	*gpu_ns = times[1] - times[0];
	return 0;
}

int demo_dispatch(struct demo *demo, const struct ogpu_program *program,
		  struct ogpu_dispatch *dispatch, const void *args, size_t args_size,
		  double *gpu_ns)
{
	memcpy((uint8_t *)demo->scratch.ptr + ARGS_OFFSET, args, args_size);
	dispatch->args = demo->scratch.va + ARGS_OFFSET;
	demo_begin(demo);
	ogpu_emit_dispatch(&demo->stream, dispatch);
	return demo_run(demo, demo->compute, program, gpu_ns);
}

static int setup(struct demo *demo, const char *node)
{
	int ret;

	ret = ogpu_device_open(node, &demo->dev);
	if (ret) {
		fprintf(stderr, "ogpu-demo: cannot open %s: %s\n", node ? node : "a card",
			ret == -ENOENT ? "none is ready, see ogpu-fwload list" : strerror(-ret));
		return ret;
	}
	ret = ogpu_vm_create(demo->dev, &demo->vm);
	if (!ret)
		ret = ogpu_queue_create(demo->vm, DRM_OGPU_ENGINE_COMPUTE,
					DRM_OGPU_PRIORITY_NORMAL, &demo->compute);
	if (!ret)
		ret = ogpu_queue_create(demo->vm, DRM_OGPU_ENGINE_COPY, DRM_OGPU_PRIORITY_NORMAL,
					&demo->copy);
	if (!ret)
		ret = ogpu_stream_create(demo->vm, STREAM_SIZE, &demo->stream);
	if (!ret)
		ret = ogpu_buffer_create(demo->vm, SCRATCH_SIZE, DRM_OGPU_BO_SYSTEM,
					 DRM_OGPU_BO_CPU_ACCESS, &demo->scratch);
	if (ret)
		fprintf(stderr, "ogpu-demo: set-up on the card failed: %s\n", strerror(-ret));
	return ret;
}

static void teardown(struct demo *demo)
{
	ogpu_queue_destroy(demo->compute);
	ogpu_queue_destroy(demo->copy);
	ogpu_stream_destroy(&demo->stream);
	ogpu_buffer_destroy(&demo->scratch);
	ogpu_vm_destroy(demo->vm);
	ogpu_device_close(demo->dev);
}

static void print_card(struct demo *demo)
{
	const struct drm_ogpu_query_device *info = ogpu_device_info(demo->dev);
	struct drm_ogpu_query_firmware fw;
	struct drm_ogpu_query_memory mem;

	printf("Card      %.32s at %s, %u compute units, %u lanes each\n", info->name,
	       ogpu_device_pci_address(demo->dev), info->cu_count, info->lanes);
	if (!ogpu_query(demo->dev, DRM_OGPU_QUERY_MEMORY, &mem, sizeof(mem)))
		printf("Memory    %llu MiB VRAM, %llu MiB visible to the CPU\n",
		       (unsigned long long)mem.vram_size >> 20,
		       (unsigned long long)mem.vram_visible_size >> 20);
	if (!ogpu_query(demo->dev, DRM_OGPU_QUERY_FIRMWARE, &fw, sizeof(fw)))
		printf("Firmware  %u.%u.%u (%.40s), security version %u\n", fw.version[0],
		       fw.version[1], fw.version[2], fw.build_id, fw.svn);
}

static cJSON *result_json(const struct job *job, const struct job_result *r)
{
	cJSON *item = cJSON_CreateObject();

	cJSON_AddStringToObject(item, "job", job->name);
	cJSON_AddStringToObject(item, "size", r->size);
	cJSON_AddNumberToObject(item, "gpu_ns", r->gpu_ns);
	cJSON_AddNumberToObject(item, "throughput", r->gpu_ns > 0 ? r->amount / r->gpu_ns : 0);
	cJSON_AddStringToObject(item, "unit", r->unit ? r->unit : "");
	cJSON_AddBoolToObject(item, "checked", r->checked);
	return item;
}

/* Runs all jobs; the number of those that failed. */
static unsigned int run_jobs(struct demo *demo, cJSON *json)
{
	unsigned int failed = 0;

	if (!json)
		printf("\n%-8s  %-24s %12s %17s %s\n", "Job", "Size", "GPU time", "Throughput",
		       "Checked");
	for (size_t i = 0; i < JOB_COUNT; i++) {
		struct job_result r = { .size = "-" };
		int ret = jobs[i].run(demo, &r);

		if (ret || !r.checked)
			failed++;
		if (json) {
			cJSON_AddItemToArray(json, result_json(&jobs[i], &r));
			continue;
		}
		if (ret) {
			printf("%-8s  %-24s %12s %17s no: %s\n", jobs[i].name, r.size, "-", "-",
			       strerror(-ret));
			continue;
		}
		printf("%-8s  %-24s %9.2f ms %9.3f %-7s %s%s%s\n", jobs[i].name, r.size,
		       r.gpu_ns / 1e6, r.gpu_ns > 0 ? r.amount / r.gpu_ns : 0, r.unit,
		       r.checked ? "yes" : "NO", r.note[0] ? ", " : "", r.note);
		fflush(stdout);
	}
	return failed;
}

static const char usage[] =
	"Usage: ogpu-demo [OPTION]...\n"
	"Run compute jobs on an OGPU card and check each result against the CPU.\n"
	"\n"
	"  -n, --node=PATH     render node (default: the first card that is ready)\n"
	"  -k, --kernels=DIR   where the compute kernels are (default: where they belong)\n"
	"  -i, --image=FILE    PNG to filter (default: sample.png beside the kernels)\n"
	"  -o, --output=FILE   where to write the filtered PNG\n"
	"  -j, --json          print JSON\n"
	"  -h, --help          print this\n"
	"\n"
	"Exit status: 0 all results right, 1 a job failed or was wrong, 3 no card, 64 usage.\n";

/* Where kernels and picture lie: beside this program where it was built, else where it belongs. */
static void data_folder(char *path, size_t size)
{
	char program[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);

	program[length < 0 ? 0 : length] = '\0';
	if (strrchr(program, '/'))
		*strrchr(program, '/') = '\0';
	snprintf(path, size, "%.*s/sample.png", (int)(size / 2), program);
	snprintf(path, size, access(path, R_OK) ? "%.*s/../share/ogpu/demo" : "%.*s",
		 (int)(size / 2), program);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "node", required_argument, NULL, 'n' },
		{ "kernels", required_argument, NULL, 'k' },
		{ "image", required_argument, NULL, 'i' },
		{ "output", required_argument, NULL, 'o' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct demo demo = { 0 };
	const char *node = NULL;
	char folder[PATH_MAX];
	cJSON *json = NULL;
	unsigned int failed;
	int opt, status;

	data_folder(folder, sizeof(folder));
	demo.kernel_dir = folder;
	while ((opt = getopt_long(argc, argv, "n:k:i:o:jh", options, NULL)) != -1) {
		switch (opt) {
		case 'n':
			node = optarg;
			break;
		case 'k':
			demo.kernel_dir = optarg;
			break;
		case 'i':
			demo.image_in = optarg;
			break;
		case 'o':
			demo.image_out = optarg;
			break;
		case 'j':
			json = cJSON_CreateArray();
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		default:
			fputs("Try 'ogpu-demo --help'.\n", stderr);
			return 64;
		}
	}
	if (optind != argc || (demo.image_in && !demo.image_out)) {
		fputs("ogpu-demo: --image needs --output, and there are no other arguments\n"
		      "Try 'ogpu-demo --help'.\n", stderr);
		return 64;
	}

	status = setup(&demo, node);
	if (status) {
		teardown(&demo);
		return status == -ENOENT ? 3 : 1;
	}
	if (!json)
		print_card(&demo);
	failed = run_jobs(&demo, json);
	if (json) {
		char *text = cJSON_Print(json);

		puts(text);
		free(text);
		cJSON_Delete(json);
	} else if (failed) {
		printf("\n%u of %zu jobs FAILED\n", failed, JOB_COUNT);
	} else {
		printf("\nAll %zu results are right.\n", JOB_COUNT);
	}
	teardown(&demo);
	return failed ? 1 : 0;
}
