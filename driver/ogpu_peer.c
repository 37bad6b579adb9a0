// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Peers: other cards that reach VRAM itself, through the aperture.
 *
 * DOC: Peers
 *
 * Another card of this driver can use VRAM where the CPU sees it, if the kernel knows that
 * transfers between the two arrive (pci_p2pdma), if nothing translates the addresses that the card
 * uses, and if it reaches them. Whether that is so is decided when it is attached to a buffer. As
 * long as all devices that are attached to a buffer are peers it may stay in VRAM, in the part that
 * the CPU sees; with another one, it is in system memory for all of them. A peer is told of moves
 * like all others, and its place in VRAM is nobody else's before what it does there is over: its
 * fences are in the dma_resv.
 *
 * Devices of other drivers are no peers. What they do may never end, as far as their fences tell,
 * so moves do not wait for it (ogpu_copy_work.c), and VRAM that they still use would be handed out.
 *
 * Memory is not moved to VRAM for a peer's sake if others had to make way: it is used in system
 * memory then, until the card that it belongs to brings it to VRAM with a job.
 *
 * While the machine sleeps cards stop and start in any order. So before that all buffers with peers
 * go to system memory, and peers find them there until the machine is awake (ogpu_peers_leave()).
 *
 * A reset takes what is in VRAM; peers are told (ogpu_peers_lose()), and files of theirs are not
 * stale.
 *
 * Peers have no power over the card: it need not be asked, nor be running, when they use VRAM.
 */
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/dma-resv.h>
#include <linux/iommu-dma.h>
#include <linux/jiffies.h>
#include <linux/pci-p2pdma.h>
#include <linux/pci.h>
#include <linux/scatterlist.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include <drm/ogpu_drm.h>
#include <drm/ttm/ttm_bo.h>
#include <drm/ttm/ttm_placement.h>

#include "abi/addr.h"
#include "abi/regs.h"
#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_peer.h"
#include "ogpu_place.h"
#include "ogpu_preempt.h"
#include "ogpu_res.h"
#include "ogpu_ttm.h"

/* Before sleep, what peers do is waited for so long, all together. */
#define OGPU_PEERS_WAIT_MS	20000

/*
 * Is what the DMA API gives the device an address of the bus? A switch only knows those. One that
 * an IOMMU translates goes up to the root, and of that way the kernel has not said that it works.
 */
static bool ogpu_peer_is_plain(struct ogpu_device *odev, struct device *dev)
{
	return !use_dma_iommu(dev) && !get_dma_ops(dev) &&
	       pci_bus_address(odev->pdev, OGPU_BAR_VRAM) == odev->aperture_phys;
}

/* Returns the distance, or less than 0 and in *@why the reason. */
static int ogpu_peer_distance(struct ogpu_device *odev, struct device *dev,
			      enum drm_ogpu_peer_path *why)
{
	u64 last = odev->aperture_phys + odev->mem->vram.visible_size - 1;
	int distance;

	*why = DRM_OGPU_PEER_SYSTEM_KERNEL;
	if (!IS_ENABLED(CONFIG_PCI_P2PDMA))
		return -1;
	*why = DRM_OGPU_PEER_SYSTEM_BUS;
	distance = pci_p2pdma_distance(odev->pdev, dev, false);
	if (distance < 0)
		return distance;
	*why = DRM_OGPU_PEER_SYSTEM_IOMMU;
	if (!ogpu_peer_is_plain(odev, dev))
		return -1;
	*why = DRM_OGPU_PEER_SYSTEM_REACH;
	if (last > dma_get_mask(dev))
		return -1;
	*why = DRM_OGPU_PEER_DIRECT;

	return distance;
}

/**
 * ogpu_peer_can() - can a card be a peer?
 * @odev: the card whose VRAM it is
 * @dev: another card
 *
 * Return: true if it reaches VRAM through the aperture.
 */
bool ogpu_peer_can(struct ogpu_device *odev, struct device *dev)
{
	enum drm_ogpu_peer_path why;

	return ogpu_peer_distance(odev, dev, &why) >= 0;
}

/**
 * ogpu_peer_fits() - can a buffer be where peers reach it?
 * @bo: the buffer
 *
 * Return: true if it may be in VRAM, and the part of it that the CPU sees is large enough.
 */
bool ogpu_peer_fits(struct ogpu_bo *bo)
{
	return (bo->placement & DRM_OGPU_BO_VRAM) &&
	       bo->ttm.base.size <= ogpu_vram_mgr_room(&ogpu_bo_device(bo)->mem->vram, true);
}

/**
 * ogpu_peer_add_place() - add VRAM that peers reach to a list of places
 * @bo: the buffer, locked
 * @places: the list
 * @flags: TTM_PL_FLAG_*
 *
 * Return: whether there is any for this buffer.
 */
bool ogpu_peer_add_place(struct ogpu_bo *bo, struct ogpu_places *places, u32 flags)
{
	struct ogpu_mem *mem = ogpu_bo_device(bo)->mem;

	if (bo->far || READ_ONCE(mem->peers_away) || !ogpu_peer_fits(bo))
		return false;
	ogpu_places_add(places, TTM_PL_VRAM, flags)->lpfn = mem->vram.visible_size >> PAGE_SHIFT;

	return true;
}

/*
 * Mappings
 */

/**
 * ogpu_peer_is_mapping() - tell a mapping of VRAM from one of pages
 * @sgt: either
 *
 * Return: true if it is from ogpu_peer_map().
 */
bool ogpu_peer_is_mapping(const struct sg_table *sgt)
{
	return !sg_page(sgt->sgl);
}

/* In pieces that the device takes. */
static void ogpu_peer_first(struct ogpu_bo *bo, struct ogpu_res_cursor *cur)
{
	ogpu_res_first(&bo->ttm, bo->ttm.resource, 0, bo->ttm.base.size, cur);
}

static u64 ogpu_peer_piece(const struct ogpu_res_cursor *cur, struct device *dev)
{
	u64 most = round_down(min_t(u64, dma_get_max_seg_size(dev), SZ_1G), PAGE_SIZE);

	return min(cur->size, max_t(u64, most, PAGE_SIZE));
}

static void ogpu_peer_unmap_some(struct sg_table *sgt, unsigned int count, struct device *dev,
				 enum dma_data_direction dir)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sg(sgt->sgl, sg, count, i)
		dma_unmap_resource(dev, sg_dma_address(sg), sg_dma_len(sg), dir,
				   DMA_ATTR_SKIP_CPU_SYNC);
	sg_free_table(sgt);
	kfree(sgt);
}

/**
 * ogpu_peer_map() - have a peer reach a buffer in VRAM
 * @bo: the buffer, locked, where the CPU sees it
 * @dev: the peer
 * @dir: what it does there
 *
 * Return: where it is for the peer, without pages; -ENOMEM; -EIO: it does not reach it.
 */
struct sg_table *ogpu_peer_map(struct ogpu_bo *bo, struct device *dev, enum dma_data_direction dir)
{
	struct ogpu_device *odev = ogpu_bo_device(bo);
	unsigned int count = 0, i = 0;
	struct ogpu_res_cursor cur;
	struct scatterlist *sg;
	struct sg_table *sgt;

	for (ogpu_peer_first(bo, &cur); cur.remaining;
	     ogpu_res_next(&cur, ogpu_peer_piece(&cur, dev)))
		count++;

	sgt = kzalloc_obj(*sgt, GFP_KERNEL);
	if (!sgt)
		return ERR_PTR(-ENOMEM);
	if (sg_alloc_table(sgt, count, GFP_KERNEL)) {
		kfree(sgt);
		return ERR_PTR(-ENOMEM);
	}

	sg = sgt->sgl;
	for (ogpu_peer_first(bo, &cur); cur.remaining;
	     ogpu_res_next(&cur, ogpu_peer_piece(&cur, dev))) {
		u64 offset = FIELD_GET(OGPU_OPERAND_ADDR, cur.operand);
		size_t size = ogpu_peer_piece(&cur, dev);
		dma_addr_t addr;

		addr = dma_map_resource(dev, odev->aperture_phys + offset, size, dir,
					DMA_ATTR_SKIP_CPU_SYNC);
		if (dma_mapping_error(dev, addr)) {
			ogpu_peer_unmap_some(sgt, i, dev, dir);
			return ERR_PTR(-EIO);
		}
		sg_set_page(sg, NULL, size, 0);
		sg_dma_address(sg) = addr;
		sg_dma_len(sg) = size;
		sg = sg_next(sg);
		i++;
	}

	return sgt;
}

/**
 * ogpu_peer_unmap() - undo ogpu_peer_map()
 * @sgt: from that
 * @dev: the peer
 * @dir: as given to that
 */
void ogpu_peer_unmap(struct sg_table *sgt, struct device *dev, enum dma_data_direction dir)
{
	ogpu_peer_unmap_some(sgt, sgt->nents, dev, dir);
}

/*
 * Reset
 */

/* What was in VRAM, or on its way. Pages of system memory are what they were. */
static bool ogpu_peer_has_lost(struct ogpu_bo *bo)
{
	if (!ogpu_bo_is_stale(bo))
		return false;

	return bo->ttm.resource->mem_type == TTM_PL_VRAM ||
	       (bo->moving && dma_fence_get_status(bo->moving) != 1);
}

/**
 * ogpu_peers_lose() - tell other cards what they have lost
 * @mem: of a card that was stopped; its generation has changed
 *
 * Their next jobs ask where the buffers are, and are refused. What executes in address spaces of
 * the long-running kind is suspended, and ends for the same reason; until then it has the VRAM.
 */
void ogpu_peers_lose(struct ogpu_mem *mem)
{
	struct ogpu_bos_link way = {};
	struct ogpu_bo *bo;

	while ((bo = ogpu_bos_next_imported(mem, &way))) {
		dma_resv_lock(bo->ttm.base.resv, NULL);
		if (ogpu_peer_has_lost(bo)) {
			ogpu_bo_moved(&bo->ttm);
			ogpu_preempt_suspend_users(bo->ttm.base.resv);
		}
		dma_resv_unlock(bo->ttm.base.resv);
		ogpu_compat_mapped_bo_put(&bo->ttm);
	}
}

/*
 * Sleep
 */

static int ogpu_peer_leave(struct ogpu_bo *bo, unsigned long deadline)
{
	struct ttm_operation_ctx ctx = { .interruptible = true, .gfp_retry_mayfail = true };
	struct dma_resv *resv = bo->ttm.base.resv;
	struct ogpu_mem_try try = {};
	struct ogpu_places places;
	long left;
	int ret;

	ret = dma_resv_lock_interruptible(resv, NULL);
	if (ret)
		return ret;
	if (bo->ttm.resource->mem_type == TTM_PL_VRAM && !ogpu_bo_is_stale(bo)) {
		ogpu_places_init(&places, &try);
		ogpu_places_add(&places, TTM_PL_TT, 0);
		ret = ttm_bo_validate(&bo->ttm, &places.placement, &ctx);
	}
	dma_resv_unlock(resv);
	if (ret)
		return ret;

	/* The move, or one that was under way already, waits for what peers do. */
	left = time_before(jiffies, deadline) ? deadline - jiffies : 1;
	left = dma_resv_wait_timeout(resv, DMA_RESV_USAGE_KERNEL, true, left);

	return left > 0 ? 0 : left ?: -EBUSY;
}

/**
 * ogpu_peers_leave() - have no peer use VRAM until ogpu_peers_return()
 * @mem: of a card; programs still run
 *
 * Return: 0; or an errno: not all is over that peers do.
 */
int ogpu_peers_leave(struct ogpu_mem *mem)
{
	unsigned long deadline = jiffies + msecs_to_jiffies(OGPU_PEERS_WAIT_MS);
	struct ogpu_bos_link way = {};
	struct ogpu_bo *bo;
	int ret = 0, idx;

	if (!ogpu_device_enter(mem->odev, &idx))
		return 0;
	/* Pairs with the dma_resv: who has mapped before has it locked, or is found. */
	WRITE_ONCE(mem->peers_away, true);

	while ((bo = ogpu_bos_next_imported(mem, &way))) {
		if (!ret)
			ret = ogpu_peer_leave(bo, deadline);
		ogpu_compat_mapped_bo_put(&bo->ttm);
	}
	ogpu_device_exit(mem->odev, idx);
	if (ret)
		ogpu_peers_return(mem);

	return ret;
}

/**
 * ogpu_peers_return() - peers may use VRAM again
 * @mem: of a card
 */
void ogpu_peers_return(struct ogpu_mem *mem)
{
	WRITE_ONCE(mem->peers_away, false);
}

/**
 * ogpu_peer_query() - DRM_OGPU_QUERY_PEER
 * @odev: the card
 * @query: in and out
 *
 * Return: see the uapi header.
 */
int ogpu_peer_query(struct ogpu_device *odev, struct drm_ogpu_query_peer *query)
{
	enum drm_ogpu_peer_path path;
	struct pci_dev *pdev;
	int distance;

	if (query->bus > 0xff || query->device > 0x1f || query->function > 7)
		return -EINVAL;
	pdev = pci_get_domain_bus_and_slot(query->domain, query->bus,
					   PCI_DEVFN(query->device, query->function));
	if (!pdev)
		return -ENOENT;
	distance = ogpu_peer_distance(odev, &pdev->dev, &path);
	if (path != DRM_OGPU_PEER_SYSTEM_KERNEL &&
	    READ_ONCE(pdev->dev.driver) != READ_ONCE(odev->pdev->dev.driver)) {
		path = DRM_OGPU_PEER_SYSTEM_DRIVER;
		distance = -1;
	}
	pci_dev_put(pdev);
	query->path = path;
	query->distance = max(distance, 0);

	return 0;
}
