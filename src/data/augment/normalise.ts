/** Turns one picture's values in 0..255 ([32, 32, 3], flat) into what a network is given, in place. */
export type Normalise = (image: Float32Array) => void;

/** Mean and standard deviation of red, green and blue, on a scale of 0..1. */
export interface ChannelStatistics {
  mean: [number, number, number];
  std: [number, number, number];
}

/** CIFAR-10's training pictures: what the L0 project uses. */
export const cifar10Statistics: ChannelStatistics = {
  mean: [0.4914, 0.4822, 0.4465],
  std: [0.247, 0.2435, 0.2616],
};

/** The same means with the average of the single pictures' deviations: what the RePr and ResNet-18 projects use. */
export const cifar10PictureStatistics: ChannelStatistics = {
  mean: [0.4914, 0.4822, 0.4465],
  std: [0.2023, 0.1994, 0.201],
};

/** ImageNet's: what networks pre-trained there expect. */
export const imageNetStatistics: ChannelStatistics = {
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
};

/** x <- (x / 255 - mean) / std, for each colour. */
export function normalise({ mean, std }: ChannelStatistics): Normalise {
  const scale = std.map((deviation) => 1 / (255 * deviation));
  const shift = mean.map((value, k) => value / std[k]);
  return (image) => {
    for (let i = 0; i < image.length; i += 3) {
      image[i] = image[i] * scale[0] - shift[0];
      image[i + 1] = image[i + 1] * scale[1] - shift[1];
      image[i + 2] = image[i + 2] * scale[2] - shift[2];
    }
  };
}
