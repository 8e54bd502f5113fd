// search.ts - what of this page lives in its address: nothing of its own.
export interface ProducerSearch {
  tab?: string;
}

export function validateSearch(): ProducerSearch {
  return {};
}
