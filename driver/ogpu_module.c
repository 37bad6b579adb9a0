// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The module: what all cards share.
 */
#include <linux/module.h>
#include <linux/pci.h>

#include "ogpu_bo.h"
#include "ogpu_compat.h"
#include "ogpu_fw_store.h"
#include "ogpu_lockdep.h"
#include "ogpu_pci.h"
#include "ogpu_sched.h"
#include "ogpu_signal.h"
#include "ogpu_svm.h"

static int __init ogpu_module_init(void)
{
	int ret;

	ogpu_lockdep_prime();

	ret = ogpu_bo_module_init();
	if (ret)
		return ret;

	ret = ogpu_sched_module_init();
	if (ret)
		goto err_bo;

	ret = ogpu_signal_module_init();
	if (ret)
		goto err_sched;

	ret = ogpu_svm_module_init();
	if (ret)
		goto err_signal;

	ret = pci_register_driver(&ogpu_pci_driver);
	if (ret)
		goto err_svm;

	return 0;

err_svm:
	ogpu_fw_store_exit();
	ogpu_svm_module_exit();
err_signal:
	ogpu_signal_module_exit();
err_sched:
	ogpu_sched_module_exit();
err_bo:
	ogpu_bo_module_exit();
	return ret;
}
module_init(ogpu_module_init);

static void __exit ogpu_module_exit(void)
{
	pci_unregister_driver(&ogpu_pci_driver);
	ogpu_fw_store_exit();
	ogpu_svm_module_exit();
	ogpu_signal_module_exit();
	ogpu_sched_module_exit();
	ogpu_bo_module_exit();
}
module_exit(ogpu_module_exit);

MODULE_DESCRIPTION("OGPU compute accelerators");
MODULE_AUTHOR("OGPU developers");
MODULE_LICENSE("Dual MIT/GPL");
MODULE_IMPORT_NS(OGPU_NS_DMA_BUF);
#ifdef OGPU_MODULE_VERSION
MODULE_VERSION(OGPU_MODULE_VERSION);
#endif
