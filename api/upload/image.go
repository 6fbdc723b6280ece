package upload

import (
	"bytes"
	"encoding/binary"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
)

// Bounds of an image, looked at before it is decoded: a few hundred octets can claim a hundred million pixels.
const (
	maxSide   = 12_000
	maxPixels = 24_000_000
)

// qualities of a JPEG written anew, tried until it is not longer than it may be; the last counts.
var qualities = []int{90, 80, 70, 60}

func checkImage(content []byte, most int) (File, error) {
	head, format, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil {
		return File{}, damaged(err)
	}
	pixels := head.Width * head.Height
	if deep(head.ColorModel) {
		pixels *= 2
	}
	if head.Width < 1 || head.Height < 1 || head.Width > maxSide || head.Height > maxSide || pixels > maxPixels {
		return File{}, damaged(errors.New("the image has too many pixels"))
	}
	decoded, _, err := image.Decode(bytes.NewReader(content))
	if err != nil {
		return File{}, damaged(err)
	}
	out := File{MediaType: "image/" + format}
	var anew bytes.Buffer
	if format == "jpeg" {
		decoded = upright(decoded, orientation(content))
		for _, quality := range qualities {
			anew.Reset()
			if err = jpeg.Encode(&anew, decoded, &jpeg.Options{Quality: quality}); err != nil || anew.Len() <= most {
				break
			}
		}
	} else {
		err = png.Encode(&anew, decoded)
	}
	if err != nil {
		return File{}, damaged(err)
	}
	out.Content, out.Width, out.Height = anew.Bytes(), decoded.Bounds().Dx(), decoded.Bounds().Dy()
	return out, nil
}

// deep: two octets a channel.
func deep(m color.Model) bool {
	return m == color.RGBA64Model || m == color.NRGBA64Model || m == color.Gray16Model
}

// orientation reads how a camera was held, 1 to 8, from a JPEG's EXIF; 1 where it says nothing.
//
// Source: JEITA CP-3451 §4.6.4 (tag 0112), §4.7.2.
func orientation(file []byte) int {
	for at := 2; at+4 <= len(file) && file[at] == 0xff && file[at+1] != 0xda; { // until the picture begins
		size := int(binary.BigEndian.Uint16(file[at+2:]))
		if size < 2 || at+2+size > len(file) {
			return 1
		}
		segment := file[at+4 : at+2+size]
		if rest, found := bytes.CutPrefix(segment, []byte("Exif\x00\x00")); found && file[at+1] == 0xe1 {
			return exifOrientation(rest)
		}
		at += 2 + size
	}
	return 1
}

func exifOrientation(tiff []byte) int {
	if len(tiff) < 8 {
		return 1
	}
	var order binary.ByteOrder = binary.BigEndian
	if string(tiff[:2]) == "II" {
		order = binary.LittleEndian
	}
	at := uint64(order.Uint32(tiff[4:]))
	if at+2 > uint64(len(tiff)) {
		return 1
	}
	for n := order.Uint16(tiff[at:]); n > 0; n-- {
		entry := at + 2 + uint64(n-1)*12
		if entry+12 > uint64(len(tiff)) {
			continue
		}
		if order.Uint16(tiff[entry:]) == 0x0112 {
			if v := int(order.Uint16(tiff[entry+8:])); v >= 1 && v <= 8 {
				return v
			}
			return 1
		}
	}
	return 1
}

// upright turns a picture as its camera was held, since what said so is not written again.
func upright(from image.Image, how int) image.Image {
	if how == 1 {
		return from
	}
	b := from.Bounds()
	w, h := b.Dx(), b.Dy()
	if how >= 5 {
		w, h = h, w
	}
	to := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range b.Dy() {
		for x := range b.Dx() {
			tx, ty := turned(how, x, y, b.Dx(), b.Dy())
			to.Set(tx, ty, from.At(b.Min.X+x, b.Min.Y+y))
		}
	}
	return to
}

// turned says where a pixel of a picture of w by h goes.
func turned(how, x, y, w, h int) (int, int) {
	switch how {
	case 2:
		return w - 1 - x, y
	case 3:
		return w - 1 - x, h - 1 - y
	case 4:
		return x, h - 1 - y
	case 5:
		return y, x
	case 6:
		return h - 1 - y, x
	case 7:
		return h - 1 - y, w - 1 - x
	case 8:
		return y, w - 1 - x
	}
	return x, y
}
