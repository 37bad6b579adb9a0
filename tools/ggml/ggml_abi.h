/* SPDX-License-Identifier: MIT */
/*
 * The tables of functions that a ggml backend in a library of its own gives to ggml: plug-in
 * interface 3, of ggml 0.27. ggml installs no header for them; handles and tensors are those of its
 * public headers. What a backend may leave out is NULL.
 */
#ifndef OGPU_GGML_ABI_H
#define OGPU_GGML_ABI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ggml-backend.h>
#include <ggml.h>

#define PLUGIN_INTERFACE	3

struct buffer_type_table {
	const char *(*name)(ggml_backend_buffer_type_t type);
	ggml_backend_buffer_t (*alloc)(ggml_backend_buffer_type_t type, size_t bytes);
	void *alloc_n;
	size_t (*alignment)(ggml_backend_buffer_type_t type);
	size_t (*max_size)(ggml_backend_buffer_type_t type);
	void *alloc_size;
	void *alloc_size_n;
	bool (*is_host)(ggml_backend_buffer_type_t type);
	ggml_backend_dev_t device;
	void *context;
};

struct buffer_table {
	void (*free)(ggml_backend_buffer_t buffer);
	void *(*base)(ggml_backend_buffer_t buffer);
	void *init_tensor;
	void (*memset_tensor)(ggml_backend_buffer_t buffer, struct ggml_tensor *t, uint8_t value,
			      size_t offset, size_t bytes);
	void (*set_tensor)(ggml_backend_buffer_t buffer, struct ggml_tensor *t, const void *data,
			   size_t offset, size_t bytes);
	void (*get_tensor)(ggml_backend_buffer_t buffer, const struct ggml_tensor *t, void *data,
			   size_t offset, size_t bytes);
	void *set_tensor_2d;
	void *get_tensor_2d;
	/* @dst is in this buffer; false: it cannot be done this way. */
	bool (*copy_tensor)(ggml_backend_buffer_t buffer, const struct ggml_tensor *src,
			    struct ggml_tensor *dst);
	void (*clear)(ggml_backend_buffer_t buffer, uint8_t value);
	void *reset;
};

/* What ggml_backend_buffer_init() makes begins with this. */
struct buffer_object {
	struct buffer_table table;
	ggml_backend_buffer_type_t type;
	void *context;
	size_t bytes;
};

struct backend_object {
	const void *guid;
	const char *(*name)(ggml_backend_t backend);
	void (*free)(ggml_backend_t backend);
	void (*set_tensor_async)(ggml_backend_t backend, struct ggml_tensor *t, const void *data,
				 size_t offset, size_t bytes);
	void (*get_tensor_async)(ggml_backend_t backend, const struct ggml_tensor *t, void *data,
				 size_t offset, size_t bytes);
	void *set_tensor_2d_async;
	void *get_tensor_2d_async;
	/* Of the backend with @dst; the other one may be anybody's. */
	bool (*copy_tensor_async)(ggml_backend_t from, ggml_backend_t to,
				  const struct ggml_tensor *src, struct ggml_tensor *dst);
	void (*synchronize)(ggml_backend_t backend);
	void *plan_create;
	void *plan_free;
	void *plan_update;
	void *plan_compute;
	enum ggml_status (*compute)(ggml_backend_t backend, struct ggml_cgraph *graph);
	void (*event_record)(ggml_backend_t backend, ggml_backend_event_t event);
	void (*event_wait)(ggml_backend_t backend, ggml_backend_event_t event);
	void *optimize;
	ggml_backend_dev_t device;
	void *context;
};

struct event_object {
	ggml_backend_dev_t device;
	void *context;
};

struct device_object {
	const char *(*name)(ggml_backend_dev_t device);
	const char *(*description)(ggml_backend_dev_t device);
	void (*memory)(ggml_backend_dev_t device, size_t *free, size_t *total);
	enum ggml_backend_dev_type (*type)(ggml_backend_dev_t device);
	void (*properties)(ggml_backend_dev_t device, struct ggml_backend_dev_props *props);
	ggml_backend_t (*init)(ggml_backend_dev_t device, const char *params);
	ggml_backend_buffer_type_t (*buffer_type)(ggml_backend_dev_t device);
	ggml_backend_buffer_type_t (*host_buffer_type)(ggml_backend_dev_t device);
	void *buffer_from_host;
	bool (*supports_op)(ggml_backend_dev_t device, const struct ggml_tensor *op);
	bool (*supports_buffer_type)(ggml_backend_dev_t device, ggml_backend_buffer_type_t type);
	void *offload_op;
	ggml_backend_event_t (*event_new)(ggml_backend_dev_t device);
	void (*event_free)(ggml_backend_dev_t device, ggml_backend_event_t event);
	void (*event_synchronize)(ggml_backend_dev_t device, ggml_backend_event_t event);
	ggml_backend_reg_t registry;
	void *context;
};

struct registry_object {
	int interface;
	const char *(*name)(ggml_backend_reg_t registry);
	size_t (*count)(ggml_backend_reg_t registry);
	ggml_backend_dev_t (*get)(ggml_backend_reg_t registry, size_t index);
	void *(*address)(ggml_backend_reg_t registry, const char *name);
	void *context;
};

/* Of libggml-base, which the program has loaded. */
ggml_backend_buffer_t ggml_backend_buffer_init(ggml_backend_buffer_type_t type,
					       struct buffer_table table, void *context,
					       size_t bytes);

#endif
