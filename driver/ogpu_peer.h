/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Peers: other cards that reach VRAM itself, through the aperture.
 */
#ifndef _OGPU_PEER_H_
#define _OGPU_PEER_H_

#include <linux/dma-direction.h>
#include <linux/types.h>

struct device;
struct drm_ogpu_query_peer;
struct ogpu_bo;
struct ogpu_device;
struct ogpu_mem;
struct ogpu_mem_try;
struct ogpu_places;
struct sg_table;

bool ogpu_peer_can(struct ogpu_device *odev, struct device *dev);
bool ogpu_peer_fits(struct ogpu_bo *bo);
bool ogpu_peer_add_place(struct ogpu_bo *bo, struct ogpu_places *places, u32 flags);
bool ogpu_peer_is_mapping(const struct sg_table *sgt);
struct sg_table *ogpu_peer_map(struct ogpu_bo *bo, struct device *dev, enum dma_data_direction dir);
void ogpu_peer_unmap(struct sg_table *sgt, struct device *dev, enum dma_data_direction dir);
void ogpu_peers_lose(struct ogpu_mem *mem);
int ogpu_peers_leave(struct ogpu_mem *mem);
void ogpu_peers_return(struct ogpu_mem *mem);
int ogpu_peer_query(struct ogpu_device *odev, struct drm_ogpu_query_peer *query);

#endif
