/** Says it to those who listen to the page: the place stands in both HTML files, for a live region must be there before its text. */
export function announce(text: string): void {
  const place = document.getElementById('announce')
  if (place) place.textContent = text
}
