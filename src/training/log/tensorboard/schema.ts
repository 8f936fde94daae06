import protobuf from 'protobufjs/light.js';
import { encoder, field, message, repeated } from '../../../formats/protobuf.js';

/** The parts of TensorBoard's messages (event.proto, summary.proto, tensor.proto, plugin_data.proto) that we write. */
const root = protobuf.Root.fromJSON({
  nested: {
    Event: message(
      {
        wallTime: field('double', 1),
        step: field('int64', 2),
        fileVersion: field('string', 3),
        summary: field('Summary', 5),
        sessionLog: field('SessionLog', 7),
      },
      { what: ['fileVersion', 'summary', 'sessionLog'] },
    ),
    SessionLog: message({ status: field('int32', 1) }),
    Summary: message({ value: repeated('Value', 1) }),
    Value: message(
      {
        tag: field('string', 1),
        simpleValue: field('float', 2),
        histo: field('Histogram', 5),
        tensor: field('Tensor', 8),
        metadata: field('Metadata', 9),
      },
      { value: ['simpleValue', 'histo', 'tensor'] },
    ),
    Histogram: message({
      min: field('double', 1),
      max: field('double', 2),
      num: field('double', 3),
      sum: field('double', 4),
      sumSquares: field('double', 5),
      bucketLimit: repeated('double', 6, true),
      bucket: repeated('double', 7, true),
    }),
    Tensor: message({
      dtype: field('int32', 1),
      tensorShape: field('Shape', 2),
      floatVal: repeated('float', 5, true),
      stringVal: repeated('bytes', 8),
    }),
    Shape: message({ dim: repeated('Dimension', 2) }),
    Dimension: message({ size: field('int64', 1) }),
    Metadata: message({ pluginData: field('PluginData', 1), dataClass: field('int32', 4) }),
    PluginData: message({ pluginName: field('string', 1), content: field('bytes', 2) }),
    Hparams: message(
      {
        version: field('int32', 1),
        sessionStartInfo: field('SessionStart', 3),
        sessionEndInfo: field('SessionEnd', 4),
      },
      { data: ['sessionStartInfo', 'sessionEndInfo'] },
    ),
    SessionStart: message({
      hparams: { keyType: 'string', type: 'HparamValue', id: 1 } as protobuf.IMapField,
      startTimeSecs: field('double', 5),
    }),
    SessionEnd: message({ status: field('int32', 1), endTimeSecs: field('double', 2) }),
    // google.protobuf.Value
    HparamValue: message(
      { numberValue: field('double', 2), stringValue: field('string', 3), boolValue: field('bool', 4) },
      { kind: ['numberValue', 'stringValue', 'boolValue'] },
    ),
  },
});

/** A named value to show, with the fields of the schema. */
export interface SummaryValue {
  tag: string;
  simpleValue?: number;
  histo?: object;
  tensor?: object;
  metadata?: object;
}

/** One record of an event file. */
export interface FileEvent {
  /** Seconds since 1970. */
  wallTime: number;
  step?: number;
  fileVersion?: string;
  summary?: { value: SummaryValue[] };
  sessionLog?: { status: number };
}

/** An event as protobuf's bytes. */
export const encodeEvent: (event: FileEvent) => Uint8Array = encoder<FileEvent>(root, 'Event');
/** Settings, or the end of a session, as protobuf's bytes. */
export const encodeHparams: (message: object) => Uint8Array = encoder<object>(root, 'Hparams');
