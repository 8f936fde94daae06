// Lets Node run TypeScript where it cannot by itself (before 22.18).
if (!process.features.typescript) await import('tsx');
