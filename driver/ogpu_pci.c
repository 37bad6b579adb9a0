// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The PCI function: probe and remove, BARs, interrupts, resets by the PCI core, system sleep.
 */
#include <linux/dma-map-ops.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/pm.h>
#include <linux/slab.h>

#include <drm/drm_drv.h>
#include <drm/drm_print.h>

#include "abi/discovery.h"
#include "abi/regs.h"
#include "ogpu_boot.h"
#include "ogpu_copy.h"
#include "ogpu_device.h"
#include "ogpu_drv.h"
#include "ogpu_dump.h"
#include "ogpu_event.h"
#include "ogpu_fw.h"
#include "ogpu_hwmon.h"
#include "ogpu_life.h"
#include "ogpu_mbox.h"
#include "ogpu_mmu.h"
#include "ogpu_pci.h"
#include "ogpu_preempt.h"
#include "ogpu_pt_mem.h"
#include "ogpu_queue.h"
#include "ogpu_ras.h"
#include "ogpu_reset.h"
#include "ogpu_sched.h"
#include "ogpu_signal.h"
#include "ogpu_sleep.h"
#include "ogpu_start.h"
#include "ogpu_svm.h"
#include "ogpu_svm_vram.h"
#include "ogpu_sysfs.h"
#include "ogpu_ttm.h"
#include "ogpu_userptr.h"
#include "ogpu_vm_owner.h"
#include "ogpu_watchdog.h"

/* Is it a card that we know how to talk to? */
static int ogpu_pci_identify(struct ogpu_device *odev)
{
	u32 magic = readl(odev->regs + OGPU_GLB_MAGIC);
	u32 contract = readl(odev->regs + OGPU_GLB_CONTRACT);

	if (magic == OGPU_REG_GONE)
		return dev_err_probe(&odev->pdev->dev, -ENODEV,
				     "card does not answer; reseat or power-cycle it\n");
	if (magic != OGPU_MAGIC)
		return dev_err_probe(&odev->pdev->dev, -ENODEV, "not an OGPU card: magic %#x\n",
				     magic);
	if (FIELD_GET(OGPU_GLB_CONTRACT_MAJOR, contract) != OGPU_CONTRACT_MAJOR)
		return dev_err_probe(&odev->pdev->dev, -EPROTONOSUPPORT,
				     "hardware contract %lu.%lu is unknown; a newer driver is needed\n",
				     FIELD_GET(OGPU_GLB_CONTRACT_MAJOR, contract),
				     FIELD_GET(OGPU_GLB_CONTRACT_MINOR, contract));

	return 0;
}

static const struct ogpu_chip_ops *ogpu_pci_find_chip(u16 generation)
{
	switch (generation) {
	case 1:
		return &ogpu_chip_v1;
	default:
		return NULL;
	}
}

static int ogpu_pci_discover(struct ogpu_device *odev)
{
	u32 offset = readl(odev->regs + OGPU_GLB_DISCOVERY_OFFSET);
	u32 size = readl(odev->regs + OGPU_GLB_DISCOVERY_SIZE);
	__le32 *table;
	int ret;
	u32 i;

	if (!IS_ALIGNED(offset, sizeof(u32)) || !IS_ALIGNED(size, sizeof(u32)) ||
	    size > OGPU_DISC_MAX_SIZE || offset > OGPU_MSIX_TABLE_OFFSET - size)
		return dev_err_probe(&odev->pdev->dev, -EINVAL,
				     "discovery table at %#x, %#x bytes is outside the registers\n",
				     offset, size);

	table = kmalloc(size, GFP_KERNEL);
	if (!table)
		return -ENOMEM;

	/* Registers are 32 bits wide, the table is made of them. */
	for (i = 0; i < size / sizeof(u32); i++)
		table[i] = cpu_to_le32(readl(odev->regs + offset + i * sizeof(u32)));

	ret = ogpu_disc_parse(&odev->disc, table, size);
	kfree(table);
	if (ret)
		return dev_err_probe(&odev->pdev->dev, ret, "discovery table cannot be used\n");

	odev->chip = ogpu_pci_find_chip(odev->disc.generation);
	if (!odev->chip)
		return dev_err_probe(&odev->pdev->dev, -EPROTONOSUPPORT,
				     "card of generation %u is unknown; a newer driver is needed\n",
				     odev->disc.generation);

	return 0;
}

/* The table was checked for itself; does it also fit the BARs? */
static int ogpu_pci_check_bars(struct ogpu_device *odev)
{
	const struct ogpu_disc *disc = &odev->disc;

	if (disc->aperture_size > pci_resource_len(odev->pdev, OGPU_BAR_VRAM) ||
	    (u64)disc->doorbells * disc->doorbell_stride >
	    pci_resource_len(odev->pdev, OGPU_BAR_DOORBELL))
		return dev_err_probe(&odev->pdev->dev, -EINVAL,
				     "BARs are smaller than the discovery table says\n");

	return 0;
}

static int ogpu_pci_map(struct ogpu_device *odev)
{
	struct pci_dev *pdev = odev->pdev;
	struct device *dev = &pdev->dev;
	int ret;

	if (pci_resource_len(pdev, OGPU_BAR_REGS) < OGPU_BAR_REGS_SIZE)
		return dev_err_probe(dev, -ENODEV, "register BAR is missing or too small\n");

	odev->regs = pcim_iomap_region(pdev, OGPU_BAR_REGS, KBUILD_MODNAME);
	if (IS_ERR(odev->regs))
		return dev_err_probe(dev, PTR_ERR(odev->regs), "cannot map registers\n");

	ret = ogpu_pci_identify(odev);
	if (ret)
		return ret;
	ret = ogpu_pci_discover(odev);
	if (ret)
		return ret;
	ret = ogpu_pci_check_bars(odev);
	if (ret)
		return ret;

	odev->doorbells = pcim_iomap_region(pdev, OGPU_BAR_DOORBELL, KBUILD_MODNAME);
	if (IS_ERR(odev->doorbells))
		return dev_err_probe(dev, PTR_ERR(odev->doorbells), "cannot map doorbells\n");
	odev->doorbells_phys = pci_resource_start(pdev, OGPU_BAR_DOORBELL);

	ret = pcim_request_region(pdev, OGPU_BAR_VRAM, KBUILD_MODNAME);
	if (ret)
		return dev_err_probe(dev, ret, "cannot reserve the VRAM aperture\n");
	odev->aperture_phys = pci_resource_start(pdev, OGPU_BAR_VRAM);
	odev->aperture = devm_ioremap_wc(dev, odev->aperture_phys, odev->disc.aperture_size);
	if (!odev->aperture)
		return dev_err_probe(dev, -ENOMEM, "cannot map the VRAM aperture\n");

	/* User mappings of VRAM are to be write-combined like ours; otherwise they are slow. */
	devm_arch_io_reserve_memtype_wc(dev, odev->aperture_phys, odev->disc.aperture_size);

	ret = dma_set_mask_and_coherent(dev, DMA_BIT_MASK(odev->disc.dma_bits));
	if (ret)
		return dev_err_probe(dev, ret, "no DMA with %u address bits\n",
				     odev->disc.dma_bits);
	dma_set_max_seg_size(dev, UINT_MAX);
	/* Programs map system memory cached, and nobody is told to clean caches for the card. */
	if (!dev_is_dma_coherent(dev))
		return dev_err_probe(dev, -EOPNOTSUPP,
				     "caches of this platform are not coherent with PCI devices\n");

	return 0;
}

/* @what and the card are what /proc/interrupts and the thread are called by. */
static int ogpu_pci_request_irq(struct ogpu_device *odev, unsigned int vector, const char *what,
				irq_handler_t handler, irq_handler_t thread, unsigned long flags)
{
	struct pci_dev *pdev = odev->pdev;
	const char *name;

	name = devm_kasprintf(&pdev->dev, GFP_KERNEL, "ogpu-%s-%s", what, pci_name(pdev));
	if (!name)
		return -ENOMEM;

	return devm_request_threaded_irq(&pdev->dev, pci_irq_vector(pdev, vector), handler, thread,
					 flags, name, odev);
}

static int ogpu_pci_request_irqs(struct ogpu_device *odev)
{
	int ret;

	ret = ogpu_pci_request_irq(odev, OGPU_VECTOR_MBOX, "mbox", NULL, ogpu_mbox_irq_thread,
				   IRQF_ONESHOT);
	if (ret)
		return ret;

	ret = ogpu_pci_request_irq(odev, OGPU_VECTOR_EVENT, "event", ogpu_event_irq,
				   ogpu_event_irq_thread, 0);
	if (ret)
		return ret;

	return ogpu_pci_request_irq(odev, OGPU_VECTOR_SIGNAL, "signal", ogpu_signal_irq,
				    ogpu_signal_irq_thread, 0);
}

/* Software state of all parts, in the order in which they need each other. */
static int ogpu_pci_init_parts(struct ogpu_device *odev)
{
	static int (*const init[])(struct ogpu_device *odev) = {
		ogpu_mbox_init,
		ogpu_event_init,
		ogpu_signal_init,
		/* Before memory, whose last buffers may be freed late and with bad pages. */
		ogpu_ras_init,
		ogpu_mmu_init,
		ogpu_mem_init,
		ogpu_vm_owners_init,
		ogpu_pt_mems_init,
		ogpu_userptr_init,
		ogpu_preempts_init,
		ogpu_svms_init,
		ogpu_sched_init,
		ogpu_queue_mgr_init,
		ogpu_copy_init,
		ogpu_watchdog_init,
		ogpu_dump_init,
		ogpu_boot_init,
		ogpu_fw_init,
		ogpu_life_init,
		ogpu_sleep_init,
		ogpu_hwmon_init,
	};
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(init); i++) {
		ret = init[i](odev);
		if (ret)
			return ret;
	}

	return 0;
}

static int ogpu_pci_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct device *dev = &pdev->dev;
	struct ogpu_device *odev;
	int ret;

	odev = devm_drm_dev_alloc(dev, &ogpu_drm_driver, struct ogpu_device, drm);
	if (IS_ERR(odev))
		return PTR_ERR(odev);
	odev->pdev = pdev;
	pci_set_drvdata(pdev, odev);

	ret = ogpu_device_init(odev);
	if (ret)
		return ret;
	ret = ogpu_reset_init(odev);
	if (ret)
		return ret;

	ret = pcim_enable_device(pdev);
	if (ret)
		return dev_err_probe(dev, ret, "cannot enable the PCI function\n");
	ret = ogpu_pci_map(odev);
	if (ret)
		goto err_fini;

	/* Whoever used the card before may have left it working on memory that is not ours. */
	ret = odev->chip->quiesce(odev);
	if (ret) {
		dev_err_probe(dev, ret, "card does not obey a reset; power-cycle it\n");
		goto err_fini;
	}

	ret = pci_alloc_irq_vectors(pdev, OGPU_VECTOR_COUNT, OGPU_VECTOR_COUNT, PCI_IRQ_MSIX);
	if (ret < 0) {
		dev_err_probe(dev, ret, "cannot get MSI-X interrupts\n");
		goto err_fini;
	}

	ret = ogpu_pci_init_parts(odev);
	if (ret) {
		dev_err_probe(dev, ret, "cannot set up\n");
		goto err_fini;
	}

	ret = ogpu_pci_request_irqs(odev);
	if (ret) {
		dev_err_probe(dev, ret, "cannot request interrupts\n");
		goto err_fini;
	}
	/* Where the platform cannot, atomics on host memory are atomic within the card only. */
	odev->system_atomics = odev->disc.pcie_atomics &&
			       !pci_enable_atomic_ops_to_root(pdev,
							      PCI_EXP_DEVCAP2_ATOMIC_COMP32 |
							      PCI_EXP_DEVCAP2_ATOMIC_COMP64);
	pci_set_master(pdev);
	ret = ogpu_reset_allow(odev);
	if (ret)
		goto err_clear_master;
	/* For who asks later, while the card is being reset. */
	ogpu_boot_fuse_svn(odev);

	ret = ogpu_fw_register(odev, ogpu_hwmon_register);
	if (ret) {
		dev_err_probe(dev, ret, "cannot offer firmware upload\n");
		goto err_clear_master;
	}

	drm_info(&odev->drm,
		 "%s, %u compute units, %llu MiB VRAM, %u queues\n",
		 odev->disc.name, odev->disc.cu_count, odev->disc.vram_size >> 20,
		 odev->disc.doorbells);
	/* Nothing can fail from here on. */
	ogpu_fw_boot_known(odev);

	return 0;

err_clear_master:
	pci_clear_master(pdev);
err_fini:
	ogpu_device_detach(odev);
	ogpu_reset_fini(odev);
	ogpu_device_fini(odev);

	return ret;
}

static void ogpu_pci_stop(struct ogpu_device *odev)
{
	mutex_lock(&odev->reset_lock);
	ogpu_life_stop(odev, -ENODEV);
	mutex_unlock(&odev->reset_lock);
}

/* The card stands still, nothing starts it, and nothing waits for it any more. */
static void ogpu_pci_halt(struct ogpu_device *odev)
{
	ogpu_device_detach(odev);
	ogpu_reset_fini(odev);
	ogpu_watchdog_fini(odev);
	ogpu_pci_stop(odev);
	ogpu_dump_fini(odev);
}

static void ogpu_pci_remove(struct pci_dev *pdev)
{
	struct ogpu_device *odev = pci_get_drvdata(pdev);

	/* While the card still works. */
	if (ogpu_svm_vram_close(odev))
		dev_warn(&pdev->dev, "memory of processes stays in VRAM: it is lost\n");
	/* So that an upload waits for nothing any more. */
	ogpu_device_detach(odev);
	ogpu_start_wake(odev);
	ogpu_fw_unregister(odev);
	ogpu_pci_halt(odev);
	ogpu_hwmon_unregister(odev);
	if (odev->registered)
		drm_dev_unplug(&odev->drm);
	/* Waits for ioctls that have begun. What they still queued is failed after it. */
	ogpu_device_unplug(odev);
	ogpu_pci_stop(odev);
	ogpu_mem_stop(odev);
	ogpu_userptr_stop(odev);
	ogpu_pt_mems_stop(odev);
	pci_clear_master(pdev);
	ogpu_device_fini(odev);
}

static void ogpu_pci_shutdown(struct pci_dev *pdev)
{
	struct ogpu_device *odev = pci_get_drvdata(pdev);

	ogpu_pci_halt(odev);
	pci_clear_master(pdev);
}

static pci_ers_result_t ogpu_pci_error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	struct ogpu_device *odev = pci_get_drvdata(pdev);

	switch (state) {
	case pci_channel_io_normal:
		return PCI_ERS_RESULT_CAN_RECOVER;
	case pci_channel_io_frozen:
		ogpu_reset_prepare(odev, OGPU_RESET_BUS_ERROR);
		return PCI_ERS_RESULT_NEED_RESET;
	default:
		ogpu_device_set_gone(odev);
		return PCI_ERS_RESULT_DISCONNECT;
	}
}

/* An error that stopped nothing; but does the card answer? */
static pci_ers_result_t ogpu_pci_mmio_enabled(struct pci_dev *pdev)
{
	struct ogpu_device *odev = pci_get_drvdata(pdev);

	return ogpu_device_present(odev) ? PCI_ERS_RESULT_RECOVERED : PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t ogpu_pci_slot_reset(struct pci_dev *pdev)
{
	struct ogpu_device *odev = pci_get_drvdata(pdev);

	/* Another function below the same port may have wanted the reset. */
	if (!ogpu_reset_holds(odev, OGPU_RESET_BUS_ERROR))
		ogpu_reset_prepare(odev, OGPU_RESET_BUS_ERROR);
	if (ogpu_reset_bus_done(odev))
		return PCI_ERS_RESULT_RECOVERED;

	ogpu_device_set_gone(odev);
	return PCI_ERS_RESULT_DISCONNECT;
}

static void ogpu_pci_resume(struct pci_dev *pdev)
{
	ogpu_reset_done(pci_get_drvdata(pdev), OGPU_RESET_BUS_ERROR);
}

static void ogpu_pci_reset_prepare(struct pci_dev *pdev)
{
	ogpu_reset_prepare(pci_get_drvdata(pdev), OGPU_RESET_FUNCTION);
}

static void ogpu_pci_reset_done(struct pci_dev *pdev)
{
	ogpu_reset_done(pci_get_drvdata(pdev), OGPU_RESET_FUNCTION);
}

static const struct pci_error_handlers ogpu_pci_error_handlers = {
	.error_detected = ogpu_pci_error_detected,
	.mmio_enabled = ogpu_pci_mmio_enabled,
	.slot_reset = ogpu_pci_slot_reset,
	.resume = ogpu_pci_resume,
	.reset_prepare = ogpu_pci_reset_prepare,
	.reset_done = ogpu_pci_reset_done,
};

/* Also before an image of the machine is taken for hibernation, and before that is restored. */
static int ogpu_pci_pm_suspend(struct device *dev)
{
	return ogpu_sleep_begin(dev_get_drvdata(dev));
}

/* A card that does not come back is wedged or gone; that is no reason to fail the resume. */
static int ogpu_pci_pm_resume(struct device *dev)
{
	ogpu_sleep_end(dev_get_drvdata(dev));

	return 0;
}

static DEFINE_SIMPLE_DEV_PM_OPS(ogpu_pci_pm_ops, ogpu_pci_pm_suspend, ogpu_pci_pm_resume);

static const struct pci_device_id ogpu_pci_ids[] = {
	{ PCI_DEVICE(OGPU_PCI_VENDOR, OGPU_PCI_DEVICE_OGPU1) },
	{ }
};
MODULE_DEVICE_TABLE(pci, ogpu_pci_ids);

struct pci_driver ogpu_pci_driver = {
	.name = KBUILD_MODNAME,
	.id_table = ogpu_pci_ids,
	.probe = ogpu_pci_probe,
	.remove = ogpu_pci_remove,
	.shutdown = ogpu_pci_shutdown,
	.err_handler = &ogpu_pci_error_handlers,
	.driver.pm = pm_sleep_ptr(&ogpu_pci_pm_ops),
	.dev_groups = ogpu_sysfs_groups,
};
