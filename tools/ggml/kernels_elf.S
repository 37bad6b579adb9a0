/* SPDX-License-Identifier: MIT */
/* The program for the card, inside of the library. */
	.section .rodata
	.globl kernels_elf, kernels_elf_end
	.hidden kernels_elf, kernels_elf_end
	.balign 16
kernels_elf:
	.incbin KERNELS_ELF
kernels_elf_end:
	.section .note.GNU-stack, "", @progbits
