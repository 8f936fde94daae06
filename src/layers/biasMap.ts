import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { single, type LayerOptions, type Weight } from './layer.js';

/** Which positions of an image share the values of a `BiasMap`. */
export interface BiasMapOptions extends LayerOptions {
  /** For each row of the image, the row of the map that it uses. */
  rows: number[];
  /** For each column of the image, the column of the map that it uses. */
  columns: number[];
}

/**
 * Adds a bias that depends on the position, the same for each image: y[n, h, w, c] = x[n, h, w, c] + map[rows[h],
 * columns[w], c].
 *
 * Compaction puts it after a padded convolution, where the bias that replaces constant channels differs between the
 * border and the inside. Rows and columns that share their values are stored once: a 3x3 convolution padded by 1 needs
 * 3 x 3 values per channel. Input [N, H, W, C], output the same shape; one weight, map [R, S, C]. A vector, [N, C],
 * counts as an image of one position. Throws a UserError for rows or columns that are not whole numbers of 0 or more,
 * and for images of another size.
 */
export class BiasMap extends tf.layers.Layer {
  static className = 'BiasMap';
  readonly rows: number[];
  readonly columns: number[];
  private mapWeight!: Weight;

  constructor(options: BiasMapOptions) {
    super(options);
    this.rows = options.rows;
    this.columns = options.columns;
    for (const [key, list] of Object.entries({ rows: this.rows, columns: this.columns })) {
      if (!Array.isArray(list) || list.length === 0 || list.some((n) => !Number.isInteger(n) || n < 0)) {
        throw new UserError(
          `${this.name}: ${key} must be whole numbers of at least 0; received ${JSON.stringify(list)}.`,
        );
      }
    }
  }

  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const [height, width, channels] = imageShape(inputShape as tf.Shape);
    if (height !== this.rows.length || width !== this.columns.length) {
      throw new UserError(
        `${this.name} must be given images of ${this.rows.length} x ${this.columns.length}, which it was made for; received ${height} x ${width}.`,
      );
    }
    const shape = [Math.max(...this.rows) + 1, Math.max(...this.columns) + 1, channels];
    this.mapWeight = this.addWeight('map', shape, 'float32', tf.initializers.zeros());
    this.built = true;
  }

  /** The map at full size, [1, H, W, C]; the caller disposes it. */
  fullMap(): tf.Tensor4D {
    return tf.tidy(() => {
      const rows = tf.gather(this.mapWeight.read(), tf.tensor1d(this.rows, 'int32'), 0);
      return tf.gather(rows, tf.tensor1d(this.columns, 'int32'), 1).expandDims<tf.Tensor4D>(0);
    });
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const x = single(inputs);
      const map = this.fullMap();
      return x.add(x.rank === 2 ? map.reshape([1, -1]) : map);
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { rows, columns } = this;
    return { ...super.getConfig(), rows, columns };
  }
}
const imageShape = (shape: tf.Shape): (number | null)[] => (shape.length === 2 ? [1, 1, shape[1]] : shape.slice(1));

tf.serialization.registerClass(BiasMap);
