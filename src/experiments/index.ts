export { asEvaluated } from './asEvaluated.js';
export * from './copyWeights.js';
export type { ExperimentRun } from './experiment.js';
export type { MaskSnapshot, SettledRun } from './experimentRun.js';
export { freezePruneResnet18 } from './freezePrune/freezePruneResnet18.js';
export { freezePruneResult } from './freezePrune/freezePruneResult.js';
export type { FreezePruneRun } from './freezePrune/freezePruneRun.js';
export { freezePruneSettings, type FreezePruneSettings } from './freezePrune/freezePruneSettings.js';
export { epochMeans, type EpochMeans } from './freezePrune/epochMeans.js';
export { freezePruneRecord, freezePruneRecords, type RecordOptions } from './freezePrune/freezePruneRecord.js';
export type {
  CutRecord,
  FreezePruneEpoch,
  FreezePruneRecord,
  FreezePruneSweep,
} from './freezePrune/freezePruneSweep.js';
export { freezePruneTable } from './freezePrune/freezePruneTable.js';
export { cutPoints, pruningPoints, type PrunedAccuracy } from './freezePrune/pruningPoints.js';
export { halfOf } from './freezePrune/halfOf.js';
export { softmaxInLoss } from './freezePrune/softmaxInLoss.js';
export { compareCompactions } from './ista/compareCompactions.js';
export { istaLogLine } from './ista/istaLogLine.js';
export { istaCnn4, istaResnet20 } from './ista/istaNetworks.js';
export {
  istaRecord,
  type IstaProtocol,
  type IstaRecord,
  type IstaSweep,
  type IstaSweepRun,
} from './ista/istaRecord.js';
export { istaResult } from './ista/istaResult.js';
export type { IstaLogEntry, IstaRun } from './ista/istaRun.js';
export { istaSweepRun } from './ista/istaSweepRun.js';
export { publishedIsta, type PublishedIsta } from './ista/publishedIsta.js';
export { nextIstaRun } from './ista/nextIstaRun.js';
export type { ReportedRun } from './ista/reported.js';
export { istaSettings, type IstaNetwork, type IstaSettings } from './ista/istaSettings.js';
export { besidePublished } from './l0/besidePublished.js';
export { blockTable, type BlockRow } from './l0/blockTable.js';
export { l0GoogleNet } from './l0/l0GoogleNet.js';
export { l0Result, type L0Result } from './l0/l0Result.js';
export type { L0Run } from './l0/l0Run.js';
export { l0Settings, type L0Settings } from './l0/l0Settings.js';
export type { L0Sweep } from './l0/l0Sweep.js';
export { pretrainedGoogleNet, type Pretrained } from './l0/pretrainedGoogleNet.js';
export { publishedResults, type PublishedResult } from './l0/publishedResults.js';
export { resultPoints, type ResultPoint } from './l0/resultPoints.js';
export { resultTable } from './l0/resultTable.js';
export { keepingBest, type KeepingOptions } from './keepingBest.js';
export { meanInterval, type MeanInterval } from './meanInterval.js';
export { measuredRow } from './measuredRow.js';
export * from './repr/compareRecords.js';
export { publishedRepr, type PublishedRepr } from './repr/publishedRepr.js';
export { reprC3 } from './repr/reprC3.js';
export { reprRecord, type ReprEpochRecord, type ReprRecord } from './repr/reprRecord.js';
export type { OverlapSnapshot, ReprRun } from './repr/reprRun.js';
export { reprSettings, type ReprSettings } from './repr/reprSettings.js';
export type { ReprSweep } from './repr/reprSweep.js';
export type { LayerCosines, ReprTurn } from './repr/reprTurns.js';
export { trainAndRecord } from './repr/trainAndRecord.js';
export type { ResultRow } from './resultRow.js';
export { saveRun } from './saveRun.js';
export type { SettingValue, SomeSettings } from './settings/schema.js';
