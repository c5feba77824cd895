/*
 * The two 8237A DMA controllers of a PC/AT with their page registers:
 * channels 0 to 3 move bytes, 5 to 7 words. Created without configuration.
 */
#ifndef ORRERY_DMA8237_H
#define ORRERY_DMA8237_H

#include "devices/core/device.h"
#include "devices/core/dma.h"

extern const struct device_class dma8237_class;
/* The wires of channel n (0 to 7; 4 is the cascade) for the peripheral on it. */
struct dma_channel dma8237_channel(struct device *dev, unsigned n);

#endif
