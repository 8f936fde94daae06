/**
 * How many cases a fuzz test tries: as many as SPARSEBOOK_FUZZ says, or those few that every run of the suite has time
 * for.
 */
export const fuzzRuns = (few: number): number => Number(process.env.SPARSEBOOK_FUZZ ?? few);
