// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * A small vfio-user client. It knows the protocol on its own: the server's headers of it are not
 * used here.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client.h"

struct header {
	uint16_t id, command;
	uint32_t size, flags, error;
};

static void write_key(struct server *s)
{
	FILE *file = fopen(s->key, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(s->public_key, 1, ROOT_KEY_SIZE, file), ROOT_KEY_SIZE);
	fclose(file);
}

static void exec_server(struct server *s, const char *const *options, int out)
{
	const char *argv[32] = {
		getenv("OGPU_VGPU"), "--socket", s->socket, "--control", s->control,
		"--root-key", s->key,
	};
	unsigned int argc = 7;

	while (options && *options)
		argv[argc++] = *options++;
	dup2(out, STDOUT_FILENO);
	execv(argv[0], (char **)argv);
	perror("exec of the server named by OGPU_VGPU");
	_exit(127);
}

void server_start(struct server *s, const char *const *options)
{
	char line[128] = "";
	int pipefd[2];
	FILE *out;

	memset(s, 0, sizeof(*s));
	s->conn = -1;
	s->ctl = -1;
	s->last_fd = -1;
	assert_non_null(getenv("OGPU_VGPU"));
	snprintf(s->dir, sizeof(s->dir), "/tmp/ogpu-vgpu-test.XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->socket, sizeof(s->socket), "%s/vfio", s->dir);
	snprintf(s->control, sizeof(s->control), "%s/control", s->dir);
	snprintf(s->key, sizeof(s->key), "%s/key", s->dir);
	assert_return_code(sodium_init(), 0);
	crypto_sign_keypair(s->public_key, s->secret_key);
	write_key(s);

	assert_return_code(pipe(pipefd), errno);
	s->pid = fork();
	assert_return_code(s->pid, errno);
	if (!s->pid)
		exec_server(s, options, pipefd[1]);
	close(pipefd[1]);
	out = fdopen(pipefd[0], "r");
	assert_non_null(out);
	assert_non_null(fgets(line, sizeof(line), out));
	assert_non_null(strstr(line, "ready"));
	fclose(out);
}

int server_wait(struct server *s)
{
	int status;

	client_disconnect(s);
	if (s->ctl >= 0)
		close(s->ctl);
	s->ctl = -1;
	assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
	unlink(s->key);
	/* The server has removed its sockets. */
	assert_return_code(rmdir(s->dir), errno);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int server_stop(struct server *s)
{
	kill(s->pid, SIGTERM);
	return server_wait(s);
}

static int connect_to(const char *path)
{
	const struct timeval patience = { .tv_sec = 20 };
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	assert_return_code(fd, errno);
	assert_return_code(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), errno);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return fd;
}

void client_connect(struct server *s)
{
	s->conn = connect_to(s->socket);
}

void client_disconnect(struct server *s)
{
	if (s->vram)
		munmap(s->vram, s->vram_size);
	s->vram = NULL;
	if (s->last_fd >= 0)
		close(s->last_fd);
	s->last_fd = -1;
	if (s->conn >= 0)
		close(s->conn);
	s->conn = -1;
}

void client_send_raw(struct server *s, const void *data, size_t size)
{
	assert_int_equal(send(s->conn, data, size, MSG_NOSIGNAL), size);
}

bool client_is_closed(struct server *s)
{
	char c;
	ssize_t n = recv(s->conn, &c, 1, 0);

	return n == 0 || (n < 0 && errno == ECONNRESET);
}

static void send_request(struct server *s, const struct header *header, const void *body,
			 size_t size, const int *fds, unsigned int fd_count)
{
	char control[CMSG_SPACE(sizeof(int) * 32)] = { 0 };
	struct iovec iov[] = {
		{ .iov_base = (void *)header, .iov_len = sizeof(*header) },
		{ .iov_base = (void *)body, .iov_len = size },
	};
	struct msghdr mh = { .msg_iov = iov, .msg_iovlen = 2 };

	if (fd_count) {
		struct cmsghdr *cmsg;

		mh.msg_control = control;
		mh.msg_controllen = CMSG_SPACE(sizeof(int) * fd_count);
		cmsg = CMSG_FIRSTHDR(&mh);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int) * fd_count);
		memcpy(CMSG_DATA(cmsg), fds, sizeof(int) * fd_count);
	}
	assert_int_equal(sendmsg(s->conn, &mh, MSG_NOSIGNAL), sizeof(*header) + size);
}

static void receive_header(struct server *s, struct header *header)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = { .iov_base = header, .iov_len = sizeof(*header) };
	struct msghdr mh = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg;

	assert_int_equal(recvmsg(s->conn, &mh, MSG_WAITALL | MSG_CMSG_CLOEXEC), sizeof(*header));
	cmsg = CMSG_FIRSTHDR(&mh);
	if (cmsg)
		memcpy(&s->last_fd, CMSG_DATA(cmsg), sizeof(int));
}

int client_request(struct server *s, uint16_t command, const void *body, size_t size,
		   const int *fds, unsigned int fd_count, void *reply, size_t reply_size)
{
	struct header header = {
		.id = s->next_id++,
		.command = command,
		.size = sizeof(header) + size,
	};
	struct header answer;
	size_t got;

	if (s->last_fd >= 0)
		close(s->last_fd);
	s->last_fd = -1;
	send_request(s, &header, body, size, fds, fd_count);
	receive_header(s, &answer);
	assert_int_equal(answer.id, header.id);
	assert_int_equal(answer.command, command);
	if (answer.flags & 0x20) {
		assert_int_equal(answer.size, sizeof(answer));
		assert_int_not_equal(answer.error, 0);
		return answer.error;
	}
	assert_int_equal(answer.flags, 1);
	got = answer.size - sizeof(answer);
	assert_int_equal(got, reply_size);
	if (got)
		assert_int_equal(recv(s->conn, reply, got, MSG_WAITALL), got);
	return 0;
}

void client_negotiate(struct server *s)
{
	static const char capabilities[] = "{\"capabilities\":{\"max_msg_fds\":16}}";
	struct header header = { .id = 0x77, .command = CMD_VERSION };
	char body[4 + sizeof(capabilities)] = { 0 };
	struct header answer;
	char reply[512];
	size_t size;
	cJSON *json;

	memcpy(body + 4, capabilities, sizeof(capabilities));
	header.size = sizeof(header) + sizeof(body);
	send_request(s, &header, body, sizeof(body), NULL, 0);
	receive_header(s, &answer);
	assert_int_equal(answer.flags, 1);
	size = answer.size - sizeof(answer);
	assert_in_range(size, 5, sizeof(reply));
	assert_int_equal(recv(s->conn, reply, size, MSG_WAITALL), size);
	assert_int_equal(reply[size - 1], 0);
	json = cJSON_Parse(reply + 4);
	assert_non_null(cJSON_GetObjectItem(json, "capabilities"));
	cJSON_Delete(json);
}

void client_map_vram(struct server *s)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = OGPU_BAR_VRAM };

	assert_int_equal(client_request(s, CMD_GET_REGION_INFO, &info, sizeof(info), NULL, 0, &info,
					sizeof(info)), 0);
	assert_true(s->last_fd >= 0);
	s->vram_size = info.size;
	s->vram = mmap(NULL, s->vram_size, PROT_READ | PROT_WRITE, MAP_SHARED, s->last_fd, 0);
	assert_ptr_not_equal(s->vram, MAP_FAILED);
}

struct access {
	uint64_t offset;
	uint32_t region, count;
};

int client_read(struct server *s, uint32_t region, uint64_t offset, void *buf, uint32_t size)
{
	struct access req = { .offset = offset, .region = region, .count = size };
	uint8_t *reply = malloc(sizeof(req) + size);
	int err;

	err = client_request(s, CMD_REGION_READ, &req, sizeof(req), NULL, 0, reply,
			     sizeof(req) + size);
	if (!err)
		memcpy(buf, reply + sizeof(req), size);
	free(reply);
	return err;
}

int client_write(struct server *s, uint32_t region, uint64_t offset, const void *buf, uint32_t size)
{
	struct access req = { .offset = offset, .region = region, .count = size };
	uint8_t *body = malloc(sizeof(req) + size);
	int err;

	memcpy(body, &req, sizeof(req));
	memcpy(body + sizeof(req), buf, size);
	err = client_request(s, CMD_REGION_WRITE, body, sizeof(req) + size, NULL, 0, &req,
			     sizeof(req));
	free(body);
	return err;
}

void client_post(struct server *s, uint32_t region, uint64_t offset, const void *buf, uint32_t size)
{
	struct {
		struct header header;
		struct access req;
		uint8_t data[32];
	} msg = {
		.header = { .command = CMD_REGION_WRITE, .flags = 0x10 },
		.req = { .offset = offset, .region = region, .count = size },
	};

	assert_in_range(size, 1, sizeof(msg.data));
	memcpy(msg.data, buf, size);
	msg.header.size = offsetof(typeof(msg), data) + size;
	client_send_raw(s, &msg, msg.header.size);
}

uint32_t reg_read(struct server *s, uint32_t offset)
{
	uint32_t value;

	assert_int_equal(client_read(s, OGPU_BAR_REGS, offset, &value, sizeof(value)), 0);
	return value;
}

void reg_write(struct server *s, uint32_t offset, uint32_t value)
{
	assert_int_equal(client_write(s, OGPU_BAR_REGS, offset, &value, sizeof(value)), 0);
}

uint32_t config_read(struct server *s, uint32_t offset, uint32_t size)
{
	uint32_t value = 0;

	assert_int_equal(client_read(s, REGION_CONFIG, offset, &value, size), 0);
	return value;
}

void config_write(struct server *s, uint32_t offset, uint32_t value, uint32_t size)
{
	assert_int_equal(client_write(s, REGION_CONFIG, offset, &value, size), 0);
}

unsigned int config_find_cap(struct server *s, unsigned int id)
{
	unsigned int at = config_read(s, PCI_CAPABILITY_LIST, 1);

	while (at && config_read(s, at, 1) != id)
		at = config_read(s, at + 1, 1);
	return at;
}

int dma_map(struct server *s, uint64_t addr, uint64_t size, uint32_t flags, int fd, uint64_t offset)
{
	struct {
		uint32_t argsz, flags;
		uint64_t offset, addr, size;
	} req = { sizeof(req), flags, offset, addr, size };

	return client_request(s, CMD_DMA_MAP, &req, sizeof(req), &fd, fd >= 0, NULL, 0);
}

int dma_unmap(struct server *s, uint64_t addr, uint64_t size, uint32_t flags)
{
	struct {
		uint32_t argsz, flags;
		uint64_t addr, size;
	} req = { sizeof(req), flags, addr, size }, reply;

	return client_request(s, CMD_DMA_UNMAP, &req, sizeof(req), NULL, 0, &reply, sizeof(reply));
}

int set_irq_fd(struct server *s, uint32_t vector, int fd)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = VFIO_PCI_MSIX_IRQ_INDEX,
		.start = vector,
		.count = 1,
	};

	return client_request(s, CMD_SET_IRQS, &set, sizeof(set), &fd, fd >= 0, NULL, 0);
}

struct cJSON *control(struct server *s, const char *line)
{
	char answer[8192];
	size_t used = 0;
	cJSON *json;

	if (s->ctl < 0)
		s->ctl = connect_to(s->control);
	assert_int_equal(send(s->ctl, line, strlen(line), MSG_NOSIGNAL), strlen(line));
	assert_int_equal(send(s->ctl, "\n", 1, MSG_NOSIGNAL), 1);
	while (!used || answer[used - 1] != '\n') {
		ssize_t n = recv(s->ctl, answer + used, sizeof(answer) - 1 - used, 0);

		assert_true(n > 0);
		used += n;
	}
	answer[used] = '\0';
	json = cJSON_Parse(answer);
	assert_non_null(json);
	return json;
}

bool control_ok(struct server *s, const char *line)
{
	cJSON *json = control(s, line);
	bool ok = cJSON_IsTrue(cJSON_GetObjectItem(json, "ok"));

	assert_true(ok || cJSON_IsString(cJSON_GetObjectItem(json, "error")));
	cJSON_Delete(json);
	return ok;
}
