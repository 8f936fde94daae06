/** The number of cases that a fuzz test tries: SPARSEBOOK_FUZZ, or the few that every run of the suite has time for. */
export const fuzzRuns = (few: number): number => Number(process.env.SPARSEBOOK_FUZZ ?? few);
