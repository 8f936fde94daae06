// The public API of the library, module by module: what the npm package `sparsebook` exports.
export type { FileSystem } from './platform/fileSystem.js';

export { UserError } from './errors.js';

export { Random, deriveSeed } from './backend/random.js';
export { useBackend, type BackendInfo, type BackendName, type BackendOptions } from './backend/useBackend.js';

export { alternatingFlip, randomBrightness, randomContrast, randomFlip, randomPaddedCrop } from './data/augment.js';
export type { Augmentation, Draws, Turn } from './data/augment.js';
export { batches, type Batch, type BatchOptions } from './data/batches.js';
export { officialArchive, readCifar10, type Archive, type Cifar10 } from './data/cifar10.js';
export { dataFromArrays, describeData, splitImages } from './data/dataSplits.js';
export type { DataParts, DataSizes, DataSplits, SplitOptions } from './data/dataSplits.js';
export type { DownloadOptions, Source, Transfer } from './data/download.js';
export { getCifar10, type GetOptions } from './data/getCifar10.js';
export { imageSet, type ImageArrays, type ImageSet, type ImageShape, type Labels } from './data/imageSet.js';
export { loadData, presentData, type DataOptions } from './data/loadData.js';
export {
  channelStatistics,
  cifar10ImageStatistics,
  cifar10Statistics,
  normalise,
  standardise,
} from './data/normalise.js';
export type { ChannelStatistics, Normalise } from './data/normalise.js';
export { randomResizedCrop, type ResizedCropRange } from './data/resizedCrop.js';
export { syntheticImages, type SyntheticOptions } from './data/synthetic.js';

export { decodeSafetensors, encodeSafetensors, readSafetensors, safetensorsMetadata } from './formats/safetensors.js';
export type { SavedTensor } from './formats/safetensors.js';

export { BatchNorm, type BatchNormOptions } from './layers/batchNorm.js';
export { BiasMap, type BiasMapOptions } from './layers/biasMap.js';
export { Conv2d, type Conv2dOptions } from './layers/conv2d.js';
export type { Gate, GateStart } from './layers/gate.js';
export { GatedConv2d, type GatedConv2dOptions } from './layers/gatedConv2d.js';
export { inferenceMask, probabilityNonZero, sampleMask, type HardConcrete } from './layers/hardConcrete.js';
export * as hardConcreteCurves from './layers/hardConcreteCurves.js';
export { L0Gate, type GateSampling, type L0GateOptions } from './layers/l0Gate.js';
export type { Activation, CallOptions, LayerOptions } from './layers/layer.js';
export { MaxPool2d, type MaxPool2dOptions } from './layers/maxPool2d.js';
export type { Padding } from './layers/padding.js';
export type { InitializerName } from './layers/seededInitializer.js';

export { channelGraph } from './graph/channelGraph.js';
export type { Channel, ChannelGraph, ChannelMasks, ChannelNode, SmallerNetwork } from './graph/channelGraph.js';
export { channelGroups, explain, type ChannelGroup } from './graph/channelGroups.js';
export { forward, gatesOf } from './graph/gates.js';
export type { LayerRole, Merge } from './graph/layerRole.js';
export { namedWeights, type Layer } from './graph/names.js';
export { networkGraph, type LayerNode, type NetworkGraph } from './graph/networkGraph.js';

export { airbench, type AirbenchOptions } from './models/airbench.js';
export { c3 } from './models/c3.js';
export { cnn4, type Cnn4Options } from './models/cnn4.js';
export { googleNet, type GateOptions, type GoogleNetOptions } from './models/googleNet.js';
export { mobileNetV2, type MobileNetV2Options } from './models/mobileNetV2.js';
export type { NetworkOptions } from './models/networkOptions.js';
export { resnet18 } from './models/resnet18.js';
export { resnet20, type ResNet20Options } from './models/resnet20.js';
export { fillFromTorchvision, fromTorchvision, toTorchvision, torchvisionTensors } from './models/torchvision.js';
export type { NamedTensor } from './models/torchvision.js';

export { filterRows } from './sparsity/filters.js';
export { freezeSparsifier, type FreezeOptions, type FreezeSparsifier } from './sparsity/freeze.js';
export { gammaSummary, istaLayers, istaSparsifier, rescaleGammas, softThreshold } from './sparsity/ista.js';
export type { GammaSummary, IstaCosts, IstaLayer, IstaOptions } from './sparsity/ista.js';
export { closedMasks, l0Sparsifier, type L0Options, type L0Weighting } from './sparsity/l0.js';
export { costTarget, type CostGoal, type SparsityTarget } from './sparsity/lambdaController.js';
export type { ChannelTimes } from './sparsity/channelSpan.js';
export { magnitudeSparsifier } from './sparsity/magnitude.js';
export type { ChannelCriterion, MagnitudeOptions, MagnitudeSparsifier } from './sparsity/magnitude.js';
export { nullSpace, withinLimit, type NullSpace, type ReprScaling } from './sparsity/nullSpace.js';
export { filterCosines, layerScores, orthogonalityScores } from './sparsity/orthogonality.js';
export type { LayerScores, NamedScores, RankOptions, ReprRanking } from './sparsity/orthogonality.js';
export { prunableWeights } from './sparsity/prunableWeights.js';
export type { PruningScope } from './sparsity/pruneSmallest.js';
export { reprSparsifier, type ReprNextLayer, type ReprOptions } from './sparsity/repr.js';
export { iterative, oneShot, polynomial } from './sparsity/schedules.js';
export type { PruningAmount, PruningPlan, ReprLengths } from './sparsity/schedules.js';
export { combineSparsifiers } from './sparsity/combineSparsifiers.js';
export { products, type ParameterGroup, type Sparsifier, type State } from './sparsity/sparsifier.js';
export { WeightMasks } from './sparsity/weightMasks.js';
export { withGates, type WithGatesOptions } from './sparsity/withGates.js';

export { compile, type CompiledPlan, type CompileOptions, type PlanInput } from './compact/compile.js';
export { blockTable, completeCount, layerCosts, publishedCount, weightCount } from './compact/counts.js';
export type { BlockRow, CompleteCount, Count, LayerCost, WeightCount, PublishedCount } from './compact/counts.js';
export { encodeOnnx, saveOnnx } from './compact/export/onnx.js';
export { loadSafetensors, saveSafetensors } from './compact/export/safetensors.js';
export { loadTfjs, saveTfjs } from './compact/export/tfjs.js';
export { reportText } from './compact/report/compactionReport.js';
export type { CompactionReport, ReportOptions, Sizes } from './compact/report/compactionReport.js';
export { measureLatency, type Latency, type LatencyOptions } from './compact/report/latency.js';
export { layerTimes, timeTable, type LayerTimes, type LayerTimesOptions } from './compact/time/layerTimes.js';
export { measuredTime } from './compact/time/measuredTime.js';
export { channelTimes, predictedTime, timePredictor, type ChannelTime } from './compact/time/predictedTime.js';
export type { WidthTimes, WholeTimes } from './compact/time/widthTimes.js';
export { Compaction, compact, type CompactOptions, type LayerWidth } from './compact/shrink/compact.js';
export type { KeepOptions, KeptBecause } from './compact/shrink/keptChannels.js';

export { Adam, AdamW, type AdamOptions } from './training/adam.js';
export type { Checkpoint, CheckpointState, TrainedState } from './training/checkpoint/checkpoint.js';
export { checkpointed, type CheckpointOptions } from './training/checkpoint/checkpointed.js';
export { findCheckpoint, listCheckpoints } from './training/checkpoint/listCheckpoints.js';
export type { CheckpointList, CheckpointSummary } from './training/checkpoint/listCheckpoints.js';
export { loadCheckpoint } from './training/checkpoint/loadCheckpoint.js';
export { saveCheckpoint } from './training/checkpoint/saveCheckpoint.js';
export { restoreWeights, resumeFrom, takeState } from './training/checkpoint/trainedState.js';
export type { PartialTraining, TrainedParts } from './training/checkpoint/trainedState.js';
export { Cutting, type CuttingOptions } from './training/cutting.js';
export { answers, evaluate, pairedChange } from './training/evaluate.js';
export type { Answers, EvaluationOptions, PairedChange, TestTimeAugmentation } from './training/evaluate.js';
export type {
  CheckpointEvent,
  EndEvent,
  EpochEvent,
  NoteEvent,
  Scores,
  StartEvent,
  StepEvent,
  TrainingEvent,
  WarningEvent,
} from './training/events.js';
export { layerGradients, type LayerGradient, type LayerGradientOptions } from './training/layerGradients.js';
export { followRun, type FollowOptions } from './training/log/followRun.js';
export { listed, runIds, runNamed, runsFolder, type RunSummary } from './training/log/listRuns.js';
export { provenance, type Provenance } from './training/log/provenance.js';
export { readRun, type LoggedEvent, type LoggedRun } from './training/log/readRun.js';
export { RunFolder, reopenRun } from './training/log/runFolder.js';
export { crossEntropy, type CrossEntropyOptions, type Loss } from './training/loss.js';
export { Muon, type MuonOptions } from './training/muon.js';
export { kernelsOnly } from './training/optimizer.js';
export type { Optimizer, Update } from './training/slots.js';
export { constant, exponentialDecay, multiStep, oneCycle } from './training/schedules.js';
export type { MultiStepOptions, Progress, Schedule } from './training/schedules.js';
export { Sgd, type SgdOptions } from './training/sgd.js';
export { train, type TrainingOptions } from './training/train.js';
export { WeightAverages, type WeightAveragesOptions } from './training/weightAverages.js';

export {
  differenceInWords,
  groupRecords,
  headingOf,
  percent,
  recordTable,
  shownAs,
} from './experiments/results/tables.js';
export type { MeanInterval, RecordGroup, ResultRow, SomeRecord } from './experiments/results/tables.js';
export type { FollowedEvent, LoadedEvent, RunEvent } from './experiments/run/acquireRun.js';
export { type CompactLatencyOptions, compareCompactions } from './experiments/results/compactions.js';
export { comparedRuns, whichToTake, worthAndCost, type Compared, type Cost } from './experiments/sweep/comparison.js';
export {
  cutPoints,
  epochMeans,
  gammaLine,
  keptRun,
  pruningPoints,
  resultPoints,
} from './experiments/results/runHistory.js';
export type {
  RunHistory,
  Cut,
  EpochMeans,
  KeptRun,
  ResultPoint,
  RunGroup,
  SavedIsta,
  SavedPruning,
  SavedSweep,
} from './experiments/results/runHistory.js';
export { experiment, type ExperimentSpec, type MethodSpec, type ProtocolSpec } from './experiments/experiment.js';
export type { ExperimentSettings } from './experiments/experimentSettings.js';
export type { L0Settings } from './experiments/methods/l0Method.js';
export type { MagnitudeSettings } from './experiments/methods/magnitudeMethod.js';
export type { OwnNetwork, StartPoint } from './experiments/run/identity.js';
export { measure } from './experiments/run/measure.js';
export type { MethodName, MethodSettings } from './experiments/methods/methods.js';
export { copyWeights } from './experiments/networks.js';
export type { GammaNote, MaskNote, MaskSnapshot, OverlapNote, TurnNote } from './experiments/run/notes.js';
export type { Preset, PresetName, Protocol, RecipeChoice } from './experiments/protocols/protocol.js';
export { protocols, type ProtocolName } from './experiments/protocols/protocols.js';
export { besidePublished, publishedIsta, publishedL0, publishedRepr } from './experiments/results/published.js';
export type { PublishedL0 } from './experiments/results/published.js';
export type { RecipeSettings } from './experiments/recipe.js';
export type { Measured, RunRecord } from './experiments/run/record.js';
export { Run, type RunRequest } from './experiments/run/run.js';
export { trainedNetwork, type TrainedNetwork } from './experiments/run/saved.js';
export { softmaxInLoss } from './experiments/run/session.js';
export type { TargetSettings } from './experiments/methods/targets.js';
export type { ExploredRun, ExploredSweep } from './experiments/results/stops.js';
export type { SettingValue, SomeSettings } from './experiments/settings/schema.js';
export { savedResults, sweepTable, type SweepResult } from './experiments/sweep/results.js';

export {
  accuracyAgainstSparsity,
  accuracyByPruning,
  accuracyByStage,
  accuracyIntervals,
  reportedPoint,
} from './plots/accuracy.js';
export type { IntervalPoint, PruningCurve, PruningPoint, SparsityPoint, StageAccuracy } from './plots/accuracy.js';
export { accuracyAgainstCost } from './plots/costs.js';
export { exampleImages, type LabelledImages } from './plots/exampleImages.js';
export { filterMap, filterScores, gramMatrices, type GramMoment, type Prunings } from './plots/filters.js';
export { bernoulliToConcrete, estimateOpen, penaltyCurve } from './plots/gateCurves.js';
export type { BernoulliToConcreteOptions, MonteCarloOptions, OpenEstimate } from './plots/gateCurves.js';
export { gateHistogram, gatesPerLayer } from './plots/gates.js';
export { hardConcreteDensity, hardConcreteSamples, hardConcreteSlider } from './plots/hardConcrete.js';
export type { HardConcreteOptions, HardConcreteSamplesOptions } from './plots/hardConcrete.js';
export { inceptionBlock } from './plots/inceptionBlock.js';
export { gammasOverSteps, penaltySweep, versionsOverSteps, softmaxTwice } from './plots/ista.js';
export type { PenaltyPoint as SweepPoint, VersionHistory } from './plots/ista.js';
export { gradientsPerLayer, widthsPerLayer, zerosPerLayer } from './plots/perLayer.js';
export type { NamedGradients, NamedShares } from './plots/perLayer.js';
export { proximalStep, type ProximalStepOptions } from './plots/proximalStep.js';
export { named, overlapDuringTraining, reprCurves, reprCycle } from './plots/repr.js';
export type { HistoryOf, PhasedEpoch, ReprHistory } from './plots/repr.js';
export { sweepExplorer, type SweepExplorerOptions } from './plots/sweepExplorer.js';
export type { Figure, Frame, Layout, Titled, Trace } from './plots/theme.js';
export { curvesOverEpochs, penaltyDuringTraining, trainingCurves } from './plots/training.js';
export type { EpochCurveOptions, NamedRun, TrainingLog } from './plots/training.js';
