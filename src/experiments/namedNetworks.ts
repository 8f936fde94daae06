import type * as tf from '@tensorflow/tfjs';
import type { ImageSet } from '../data/imageSet.js';
import type { NetworkOptions } from '../models/networkOptions.js';
import type { MethodSettings } from './methods/methods.js';
import { normalisationOf, type RecipeSettings } from './recipe.js';

/** The settings that a network is built with, besides the options that all networks take. */
interface NetworkContext extends MethodSettings, Pick<RecipeSettings, 'normalise'> {
  methods: string[];
  bn_momentum: number | null;
}

type Builder = (settings: NetworkContext, common: Required<NetworkOptions>, train: ImageSet) => Promise<tf.LayersModel>;

/**
 * How each network with a name is built. To add one: its file in models/, an entry here, and its test. Their code is
 * imported when needed: settings and help need no tensors.
 */
export const namedNetworks = {
  async googlenet({ methods, l0 }, common): Promise<tf.LayersModel> {
    const { googleNet } = await import('../models/googleNet.js');
    const { droprate_init, sampling, reduce: gateReduce, unstructured } = l0;
    const gates = methods.includes('l0') && { droprate_init, sampling, gateReduce, unstructured };
    return googleNet({ ...common, gates });
  },
  async resnet20({ bn_momentum }, common): Promise<tf.LayersModel> {
    const { resnet20 } = await import('../models/resnet20.js');
    return resnet20({ ...common, momentum: bn_momentum ?? undefined });
  },
  async cnn4({ bn_momentum }, common): Promise<tf.LayersModel> {
    const { cnn4 } = await import('../models/cnn4.js');
    return cnn4({ ...common, momentum: bn_momentum ?? undefined });
  },
  async c3(_, common): Promise<tf.LayersModel> {
    return (await import('../models/c3.js')).c3(common);
  },
  async resnet18(_, common): Promise<tf.LayersModel> {
    return (await import('../models/resnet18.js')).resnet18(common);
  },
  async mobilenetv2({ bn_momentum }, common): Promise<tf.LayersModel> {
    const { mobileNetV2 } = await import('../models/mobileNetV2.js');
    return mobileNetV2({ ...common, momentum: bn_momentum ?? undefined });
  },
  async airbench(settings, common, train): Promise<tf.LayersModel> {
    const [{ airbench }, { whiteningKernel }] = await Promise.all([
      import('../models/airbench.js'),
      import('../data/whitening.js'),
    ]);
    return airbench({ ...common, whitening: whiteningKernel(train, normalisationOf(settings, train)) });
  },
} satisfies Record<string, Builder>;

/** The name of a network: `network=resnet20`. */
export type NetworkName = keyof typeof namedNetworks;

export const networkNames = Object.keys(namedNetworks) as NetworkName[];

/** The networks above that are built with a `bn_momentum`. */
export const networksWithMomentum: readonly string[] = ['resnet20', 'cnn4', 'mobilenetv2'] satisfies NetworkName[];
