// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * PCI configuration space: a PCI Express endpoint with power management, MSI-X, function-level
 * reset, advanced error reporting and a serial number.
 *
 * Each byte has a mask of bits that software may write and one of bits that it clears by writing
 * one; everything else is read-only. QEMU itself emulates the BARs, the MSI-X table and the
 * pointers between capabilities towards the guest, yet all writes also arrive here.
 */
#include <linux/pci_regs.h>
#include <string.h>

#include "abi/regs.h"
#include "pci_config.h"

#define CAP_PM		0x40
#define CAP_MSIX	0x50
#define CAP_EXP		0x60
#define CAP_AER		0x100
#define CAP_DSN		0x150

#define AER_SIZE	0x48

#define CLASS_3D	0x0302
#define LINK_WIDTH	16

static void set8(struct pci_config *cfg, unsigned int reg, uint8_t value)
{
	cfg->data[reg] = value;
}

static void set16(struct pci_config *cfg, unsigned int reg, uint16_t value)
{
	memcpy(&cfg->data[reg], &value, sizeof(value));
}

static void set32(struct pci_config *cfg, unsigned int reg, uint32_t value)
{
	memcpy(&cfg->data[reg], &value, sizeof(value));
}

static void writable16(struct pci_config *cfg, unsigned int reg, uint16_t bits)
{
	memcpy(&cfg->writable[reg], &bits, sizeof(bits));
}

static void writable32(struct pci_config *cfg, unsigned int reg, uint32_t bits)
{
	memcpy(&cfg->writable[reg], &bits, sizeof(bits));
}

static void clearable16(struct pci_config *cfg, unsigned int reg, uint16_t bits)
{
	memcpy(&cfg->clearable[reg], &bits, sizeof(bits));
}

static void clearable32(struct pci_config *cfg, unsigned int reg, uint32_t bits)
{
	memcpy(&cfg->clearable[reg], &bits, sizeof(bits));
}

static uint16_t get16(const struct pci_config *cfg, unsigned int reg)
{
	uint16_t value;

	memcpy(&value, &cfg->data[reg], sizeof(value));
	return value;
}

static void init_bar(struct pci_config *cfg, unsigned int bar, uint64_t size, bool prefetch)
{
	unsigned int reg = PCI_BASE_ADDRESS_0 + 4 * bar;
	uint64_t address_bits = ~(size - 1);

	set32(cfg, reg, PCI_BASE_ADDRESS_MEM_TYPE_64 |
			(prefetch ? PCI_BASE_ADDRESS_MEM_PREFETCH : 0));
	writable32(cfg, reg, address_bits & PCI_BASE_ADDRESS_MEM_MASK);
	writable32(cfg, reg + 4, address_bits >> 32);
}

static void init_header(struct pci_config *cfg, const struct pci_config_params *params)
{
	set16(cfg, PCI_VENDOR_ID, OGPU_PCI_VENDOR);
	set16(cfg, PCI_DEVICE_ID, OGPU_PCI_DEVICE_OGPU1);
	writable16(cfg, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY |
				     PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE);
	set16(cfg, PCI_STATUS, PCI_STATUS_CAP_LIST);
	clearable16(cfg, PCI_STATUS, PCI_STATUS_PARITY | PCI_STATUS_SIG_TARGET_ABORT |
				     PCI_STATUS_REC_TARGET_ABORT | PCI_STATUS_REC_MASTER_ABORT |
				     PCI_STATUS_SIG_SYSTEM_ERROR | PCI_STATUS_DETECTED_PARITY);
	set8(cfg, PCI_REVISION_ID, params->hw_rev);
	set16(cfg, PCI_CLASS_DEVICE, CLASS_3D);
	set8(cfg, PCI_CACHE_LINE_SIZE, 0);
	cfg->writable[PCI_CACHE_LINE_SIZE] = 0xff;
	init_bar(cfg, OGPU_BAR_REGS, params->regs_size, false);
	init_bar(cfg, OGPU_BAR_VRAM, params->vram_size, true);
	init_bar(cfg, OGPU_BAR_DOORBELL, params->doorbell_size, false);
	set16(cfg, PCI_SUBSYSTEM_VENDOR_ID, OGPU_PCI_VENDOR);
	set16(cfg, PCI_SUBSYSTEM_ID, params->board_id);
	set8(cfg, PCI_CAPABILITY_LIST, CAP_PM);
	cfg->writable[PCI_INTERRUPT_LINE] = 0xff;
}

/* D0, D3hot with loss of all state, no wake-up. */
static void init_pm(struct pci_config *cfg)
{
	set8(cfg, CAP_PM, PCI_CAP_ID_PM);
	set8(cfg, CAP_PM + PCI_CAP_LIST_NEXT, CAP_MSIX);
	set16(cfg, CAP_PM + PCI_PM_PMC, 3);
	writable16(cfg, CAP_PM + PCI_PM_CTRL, PCI_PM_CTRL_STATE_MASK);
}

static void init_msix(struct pci_config *cfg)
{
	set8(cfg, CAP_MSIX, PCI_CAP_ID_MSIX);
	set8(cfg, CAP_MSIX + PCI_CAP_LIST_NEXT, CAP_EXP);
	set16(cfg, CAP_MSIX + PCI_MSIX_FLAGS, OGPU_VECTOR_COUNT - 1);
	writable16(cfg, CAP_MSIX + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	set32(cfg, CAP_MSIX + PCI_MSIX_TABLE, OGPU_MSIX_TABLE_OFFSET | OGPU_BAR_REGS);
	set32(cfg, CAP_MSIX + PCI_MSIX_PBA, OGPU_MSIX_PBA_OFFSET | OGPU_BAR_REGS);
}

static void init_express(struct pci_config *cfg)
{
	set8(cfg, CAP_EXP, PCI_CAP_ID_EXP);
	set16(cfg, CAP_EXP + PCI_EXP_FLAGS, 2 | PCI_EXP_TYPE_ENDPOINT << 4);
	set32(cfg, CAP_EXP + PCI_EXP_DEVCAP,
	      PCI_EXP_DEVCAP_FLR | PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_EXT_TAG | 1);
	writable16(cfg, CAP_EXP + PCI_EXP_DEVCTL, 0x7fff);
	set16(cfg, CAP_EXP + PCI_EXP_DEVCTL, PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN |
					     PCI_EXP_DEVCTL_READRQ_512B);
	clearable16(cfg, CAP_EXP + PCI_EXP_DEVSTA, PCI_EXP_DEVSTA_CED | PCI_EXP_DEVSTA_NFED |
						   PCI_EXP_DEVSTA_FED | PCI_EXP_DEVSTA_URD);
	set32(cfg, CAP_EXP + PCI_EXP_LNKCAP, PCI_EXP_LNKCAP_SLS_16_0GB | LINK_WIDTH << 4);
	writable16(cfg, CAP_EXP + PCI_EXP_LNKCTL, PCI_EXP_LNKCTL_RCB | PCI_EXP_LNKCTL_CCC |
						  PCI_EXP_LNKCTL_ES);
	set16(cfg, CAP_EXP + PCI_EXP_LNKSTA, PCI_EXP_LNKSTA_CLS_16_0GB | LINK_WIDTH << 4);
	set32(cfg, CAP_EXP + PCI_EXP_DEVCAP2, PCI_EXP_DEVCAP2_COMP_TMOUT_DIS);
	writable16(cfg, CAP_EXP + PCI_EXP_DEVCTL2,
		   PCI_EXP_DEVCTL2_COMP_TIMEOUT | PCI_EXP_DEVCTL2_COMP_TMOUT_DIS |
		   PCI_EXP_DEVCTL2_ATOMIC_REQ);
	set32(cfg, CAP_EXP + PCI_EXP_LNKCAP2, PCI_EXP_LNKCAP2_SLS_2_5GB |
	      PCI_EXP_LNKCAP2_SLS_5_0GB | PCI_EXP_LNKCAP2_SLS_8_0GB | PCI_EXP_LNKCAP2_SLS_16_0GB);
	set16(cfg, CAP_EXP + PCI_EXP_LNKCTL2, PCI_EXP_LNKCTL2_TLS_16_0GT);
	writable16(cfg, CAP_EXP + PCI_EXP_LNKCTL2, PCI_EXP_LNKCTL2_TLS);
}

static void init_aer(struct pci_config *cfg)
{
	const uint32_t uncorrectable = PCI_ERR_UNC_DLP | PCI_ERR_UNC_POISON_TLP | PCI_ERR_UNC_FCP |
		PCI_ERR_UNC_COMP_TIME | PCI_ERR_UNC_COMP_ABORT | PCI_ERR_UNC_UNX_COMP |
		PCI_ERR_UNC_RX_OVER | PCI_ERR_UNC_MALF_TLP | PCI_ERR_UNC_UNSUP;
	const uint32_t fatal = PCI_ERR_UNC_DLP | PCI_ERR_UNC_FCP | PCI_ERR_UNC_RX_OVER |
		PCI_ERR_UNC_MALF_TLP;
	const uint32_t correctable = PCI_ERR_COR_RCVR | PCI_ERR_COR_BAD_TLP |
		PCI_ERR_COR_BAD_DLLP | PCI_ERR_COR_REP_ROLL | PCI_ERR_COR_REP_TIMER |
		PCI_ERR_COR_ADV_NFAT;

	set32(cfg, CAP_AER, PCI_EXT_CAP_ID_ERR | 2 << 16 | CAP_DSN << 20);
	clearable32(cfg, CAP_AER + PCI_ERR_UNCOR_STATUS, uncorrectable);
	writable32(cfg, CAP_AER + PCI_ERR_UNCOR_MASK, uncorrectable);
	set32(cfg, CAP_AER + PCI_ERR_UNCOR_SEVER, fatal);
	writable32(cfg, CAP_AER + PCI_ERR_UNCOR_SEVER, uncorrectable);
	clearable32(cfg, CAP_AER + PCI_ERR_COR_STATUS, correctable);
	set32(cfg, CAP_AER + PCI_ERR_COR_MASK, PCI_ERR_COR_ADV_NFAT);
	writable32(cfg, CAP_AER + PCI_ERR_COR_MASK, correctable);
}

static void init_serial(struct pci_config *cfg, uint64_t serial)
{
	set32(cfg, CAP_DSN, PCI_EXT_CAP_ID_DSN | 1 << 16);
	set32(cfg, CAP_DSN + 4, serial);
	set32(cfg, CAP_DSN + 8, serial >> 32);
}

/**
 * pci_config_init() - configuration space at power-up.
 * @cfg: what to fill
 * @params: what differs between cards
 */
void pci_config_init(struct pci_config *cfg, const struct pci_config_params *params)
{
	memset(cfg, 0, sizeof(*cfg));
	init_header(cfg, params);
	init_pm(cfg);
	init_msix(cfg);
	init_express(cfg);
	init_aer(cfg);
	init_serial(cfg, params->serial);
	memcpy(cfg->power_up, cfg->data, sizeof(cfg->data));
}

/**
 * pci_config_reset() - what a function-level or bus reset does.
 * @cfg: the configuration space
 *
 * Error reporting is sticky: it survives, so that software can read afterwards what happened.
 */
void pci_config_reset(struct pci_config *cfg)
{
	memcpy(cfg->data, cfg->power_up, CAP_AER);
	memcpy(cfg->data + CAP_AER + AER_SIZE, cfg->power_up + CAP_AER + AER_SIZE,
	       PCI_CONFIG_SIZE - CAP_AER - AER_SIZE);
}

/**
 * pci_config_read() - software reads.
 * @cfg: the configuration space
 * @offset: first byte
 * @buf: where to
 * @len: bytes; offset + len is at most PCI_CONFIG_SIZE
 */
void pci_config_read(const struct pci_config *cfg, uint64_t offset, void *buf, size_t len)
{
	memcpy(buf, cfg->data + offset, len);
}

static bool is_awake(const struct pci_config *cfg)
{
	return !(get16(cfg, CAP_PM + PCI_PM_CTRL) & PCI_PM_CTRL_STATE_MASK);
}

/**
 * pci_config_write() - software writes.
 * @cfg: the configuration space
 * @offset: first byte
 * @buf: what it writes
 * @len: bytes; offset + len is at most PCI_CONFIG_SIZE
 *
 * Return: PCI_CONFIG_* bits: what the caller has to do now.
 */
unsigned int pci_config_write(struct pci_config *cfg, uint64_t offset, const void *buf, size_t len)
{
	const unsigned int flr_byte = CAP_EXP + PCI_EXP_DEVCTL + 1;
	bool awake = is_awake(cfg);
	const uint8_t *bytes = buf;
	unsigned int actions = 0;

	for (size_t i = 0; i < len; i++) {
		uint64_t at = offset + i;
		uint8_t set = cfg->writable[at], clear = cfg->clearable[at];

		cfg->data[at] = (cfg->data[at] & ~set & ~(bytes[i] & clear)) | (bytes[i] & set);
		if (at == flr_byte && (bytes[i] & (PCI_EXP_DEVCTL_BCR_FLR >> 8)))
			actions |= PCI_CONFIG_FLR;
		if (at == PCI_COMMAND || at == CAP_PM + PCI_PM_CTRL)
			actions |= PCI_CONFIG_BUS_MASTER;
	}
	if (!awake && is_awake(cfg))
		actions |= PCI_CONFIG_POWER;
	return actions;
}

/**
 * pci_config_atomics() - whether the card may send AtomicOps.
 * @cfg: the configuration space
 *
 * Return: true if AtomicOp Requester Enable is set.
 */
bool pci_config_atomics(const struct pci_config *cfg)
{
	return get16(cfg, CAP_EXP + PCI_EXP_DEVCTL2) & PCI_EXP_DEVCTL2_ATOMIC_REQ;
}

/**
 * pci_config_bus_master() - whether the card may access the host's memory.
 * @cfg: the configuration space
 *
 * Return: true if bus mastering is on and the card is in D0.
 */
bool pci_config_bus_master(const struct pci_config *cfg)
{
	return (get16(cfg, PCI_COMMAND) & PCI_COMMAND_MASTER) && is_awake(cfg);
}

/**
 * pci_config_bar() - where a BAR of 64 bits is.
 * @cfg: the configuration space
 * @bar: its number
 *
 * Return: bus address; 0 if the card answers nowhere.
 */
uint64_t pci_config_bar(const struct pci_config *cfg, unsigned int bar)
{
	uint64_t addr;

	if (!(get16(cfg, PCI_COMMAND) & PCI_COMMAND_MEMORY) || !is_awake(cfg))
		return 0;
	memcpy(&addr, &cfg->data[PCI_BASE_ADDRESS_0 + 4 * bar], sizeof(addr));
	return addr & PCI_BASE_ADDRESS_MEM_MASK;
}
