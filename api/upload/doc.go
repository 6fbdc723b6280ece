// Package upload says whether a file from outside may be kept: a photo or scan as JPEG or PNG, or a PDF. It goes by what the file is, not by
// what it is called.
//
// An image is decoded and written anew, so that nothing of the original file is left but its pixels: no EXIF, no second file behind or
// inside it. A PDF is kept as it came, so that a signature in it holds; it refuses what runs, opens, fetches or hides something, what is
// encrypted, and what has anything before or behind it.
package upload
