import { encodePng, pngAddress } from '../../plots/png.js';
import type { Canvas, Window } from './plotlyInNode.js';

/** The canvas operations with which plotly paints heat maps, for jsdom, which has none; read back as a PNG. */
export function giveCanvas(window: Window): void {
  const bitmaps = new WeakMap<Canvas, Bitmap>();
  const prototype = window.HTMLCanvasElement.prototype;
  prototype.getContext = function (kind) {
    if (kind !== '2d') return null;
    const bitmap = bitmaps.get(this) ?? new Bitmap(this.width, this.height);
    bitmaps.set(this, bitmap);
    return bitmap;
  };
  prototype.toDataURL = function () {
    const { pixels, width, height } = bitmaps.get(this) ?? new Bitmap(this.width, this.height);
    return pngAddress(encodePng(pixels, width, height, 4));
  };
}

class Bitmap {
  fillStyle = 'rgba(0,0,0,1)';
  readonly pixels: Uint8ClampedArray;

  constructor(
    readonly width: number,
    readonly height: number,
  ) {
    this.pixels = new Uint8ClampedArray(width * height * 4);
  }

  fillRect(x: number, y: number, width: number, height: number): void {
    const colour = parse(this.fillStyle);
    const right = Math.min(this.width, Math.round(x + width));
    const bottom = Math.min(this.height, Math.round(y + height));
    for (let row = Math.max(0, Math.round(y)); row < bottom; row++) {
      for (let column = Math.max(0, Math.round(x)); column < right; column++) {
        this.pixels.set(colour, (row * this.width + column) * 4);
      }
    }
  }

  createImageData(width: number, height: number): { data: Uint8ClampedArray; width: number; height: number } {
    return { data: new Uint8ClampedArray(width * height * 4), width, height };
  }

  putImageData(image: { data: Uint8ClampedArray; width: number; height: number }): void {
    this.pixels.set(image.data.subarray(0, this.pixels.length));
  }
}

/** "rgba(12, 34, 56, 0.5)" as four bytes. */
function parse(style: string): number[] {
  const [r = 0, g = 0, b = 0, alpha = 1] = (style.match(/[\d.]+/g) ?? []).map(Number);
  return [r, g, b, 255 * alpha];
}
