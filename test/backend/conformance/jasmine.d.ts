// The part of jasmine that the suite uses.
declare module 'jasmine-core' {
  export function boot(reinitialize: boolean): unknown;
}

declare const jasmine: {
  getEnv(): {
    configure(settings: { random: boolean }): void;
    addReporter(reporter: object): void;
    execute(): Promise<unknown>;
  };
};
