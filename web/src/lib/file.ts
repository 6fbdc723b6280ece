/** The address of a file of the API, for a link that downloads it. */
export const fileAddress = (path: string) => `/api/v1${path}`
