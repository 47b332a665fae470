/** The same promise for everybody who asks: several checks share one observation. */
export function once<T>(observe: () => Promise<T>): () => Promise<T> {
  let promise: Promise<T> | undefined;
  return () => {
    promise ??= observe();
    promise.catch(() => undefined);
    return promise;
  };
}
