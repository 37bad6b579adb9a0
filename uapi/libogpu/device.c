// SPDX-License-Identifier: MIT
/* Finding, opening and querying cards. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xf86drm.h>

#include "internal.h"

struct ogpu_device {
	int fd;
	char pci[32];
	struct drm_ogpu_query_device info;
};

int ogpu_ioctl(const struct ogpu_device *dev, unsigned long request, void *arg)
{
	return drmIoctl(dev->fd, request, arg) ? -errno : 0;
}

/* 0 if the file is an ogpu device whose uapi we speak. */
static int check_version(int fd)
{
	drmVersionPtr version = drmGetVersion(fd);
	int ret = 0;

	if (!version)
		return -EINVAL;
	if (strcmp(version->name, "ogpu"))
		ret = -EINVAL;
	else if (version->version_major != DRM_OGPU_VERSION_MAJOR)
		ret = -EPROTO;
	drmFreeVersion(version);
	return ret;
}

static void read_pci_address(struct ogpu_device *dev)
{
	drmDevicePtr drm;

	if (drmGetDevice2(dev->fd, 0, &drm))
		return;
	if (drm->bustype == DRM_BUS_PCI)
		snprintf(dev->pci, sizeof(dev->pci), "%04x:%02x:%02x.%x",
			 drm->businfo.pci->domain, drm->businfo.pci->bus,
			 drm->businfo.pci->dev, drm->businfo.pci->func);
	drmFreeDevice(&drm);
}

static int open_node(const char *node, struct ogpu_device **out)
{
	struct ogpu_device *dev;
	int ret;

	dev = calloc(1, sizeof(*dev));
	if (!dev)
		return -ENOMEM;

	dev->fd = open(node, O_RDWR | O_CLOEXEC);
	if (dev->fd < 0) {
		ret = -errno;
		goto err_free;
	}
	ret = check_version(dev->fd);
	if (ret)
		goto err_close;
	ret = ogpu_query(dev, DRM_OGPU_QUERY_DEVICE, &dev->info, sizeof(dev->info));
	if (ret)
		goto err_close;
	read_pci_address(dev);
	*out = dev;
	return 0;

err_close:
	close(dev->fd);
err_free:
	free(dev);
	return ret;
}

int ogpu_device_open(const char *node, struct ogpu_device **dev)
{
	drmDevicePtr *list;
	int count, ret = -ENOENT;

	if (node)
		return open_node(node, dev);

	count = drmGetDevices2(0, NULL, 0);
	if (count <= 0)
		return -ENOENT;
	list = calloc(count, sizeof(*list));
	if (!list)
		return -ENOMEM;
	count = drmGetDevices2(0, list, count);
	for (int i = 0; i < count && ret; i++) {
		if (!(list[i]->available_nodes & (1 << DRM_NODE_RENDER)))
			continue;
		ret = open_node(list[i]->nodes[DRM_NODE_RENDER], dev);
		if (ret == -EINVAL)	/* a card of another driver */
			ret = -ENOENT;
	}
	if (count > 0)
		drmFreeDevices(list, count);
	free(list);
	return ret;
}

void ogpu_device_close(struct ogpu_device *dev)
{
	if (!dev)
		return;
	close(dev->fd);
	free(dev);
}

int ogpu_device_fd(const struct ogpu_device *dev)
{
	return dev->fd;
}

const struct drm_ogpu_query_device *ogpu_device_info(const struct ogpu_device *dev)
{
	return &dev->info;
}

const char *ogpu_device_pci_address(const struct ogpu_device *dev)
{
	return dev->pci;
}

int ogpu_query(struct ogpu_device *dev, enum drm_ogpu_query_type type, void *out, size_t size)
{
	struct drm_ogpu_query query = {
		.type = type,
		.size = size,
		.pointer = (uintptr_t)out,
	};

	memset(out, 0, size);
	return ogpu_ioctl(dev, DRM_IOCTL_OGPU_QUERY, &query);
}
