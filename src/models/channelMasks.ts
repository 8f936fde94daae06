/**
 * The mask of each channel, by the name of the convolution or dense layer whose outputs it multiplies: 0 is closed. What
 * every sparsity method gives, and what cuts, counts and figures read.
 */
export type ChannelMasks = ReadonlyMap<string, Float32Array>;
