/** How measured values grow. */

/**
 * Fits straight lines (least squares) through samples.
 *
 * @param x where a sample lies
 * @returns gives the slope of one of their values; NaN for fewer than two samples
 */
export function slopes<Sample>(samples: readonly Sample[], x: (sample: Sample) => number) {
  const mean = (of: (sample: Sample) => number) =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  return (y: (sample: Sample) => number): number => {
    const [meanX, meanY] = [mean(x), mean(y)];
    return (
      mean((sample) => (x(sample) - meanX) * (y(sample) - meanY)) / mean((sample) => (x(sample) - meanX) ** 2)
    );
  };
}
