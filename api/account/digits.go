package account

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"io"
	"math"
	"math/rand/v2"
	"sync"

	"golang.org/x/image/draw"
	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/f64"
	"golang.org/x/image/math/fixed"
)

// Size of a captcha image in pixels; large enough to be shown at twice the size.
const (
	digitsWidth  = 160
	digitsHeight = 60
	glyphSize    = 56
)

var digitFont = sync.OnceValues(func() (*opentype.Font, error) { return opentype.Parse(gobold.TTF) })

// drawDigits paints digits, each turned, slanted and shifted, under lines and
// specks. Seed comes from entropy, so that two images of one number differ.
func drawDigits(text string, entropy io.Reader) ([]byte, error) {
	var seed [32]byte
	if _, err := io.ReadFull(entropy, seed[:]); err != nil {
		return nil, err
	}
	rng := rand.New(rand.NewChaCha8(seed))
	parsed, err := digitFont()
	if err != nil {
		return nil, err
	}
	canvas := image.NewNRGBA(image.Rect(0, 0, digitsWidth, digitsHeight))
	draw.Draw(canvas, canvas.Bounds(), image.NewUniform(pale(rng)), image.Point{}, draw.Src)
	for range 4 {
		wave(canvas, rng, 1)
	}
	for i, r := range text {
		glyph, err := drawGlyph(parsed, r, dark(rng), 34+rng.Float64()*8)
		if err != nil {
			return nil, err
		}
		x := 22 + float64(i)*39 + rng.Float64()*8 - 4
		y := digitsHeight/2 + rng.Float64()*10 - 5
		place(canvas, glyph, x, y, rng)
	}
	for range 2 {
		wave(canvas, rng, 2)
	}
	for range 260 {
		canvas.Set(rng.IntN(digitsWidth), rng.IntN(digitsHeight), dark(rng))
	}
	var out bytes.Buffer
	err = png.Encode(&out, canvas)
	return out.Bytes(), err
}

// drawGlyph paints one character in the middle of a square.
func drawGlyph(parsed *opentype.Font, r rune, ink color.Color, size float64) (*image.NRGBA, error) {
	face, err := opentype.NewFace(parsed, &opentype.FaceOptions{Size: size, DPI: 72})
	if err != nil {
		return nil, err
	}
	square := image.NewNRGBA(image.Rect(0, 0, glyphSize, glyphSize))
	bounds, _ := font.BoundString(face, string(r))
	middle := fixed.I(glyphSize / 2)
	drawer := font.Drawer{Dst: square, Src: image.NewUniform(ink), Face: face, Dot: fixed.Point26_6{
		X: middle - (bounds.Min.X+bounds.Max.X)/2, Y: middle - (bounds.Min.Y+bounds.Max.Y)/2,
	}}
	drawer.DrawString(string(r))
	return square, face.Close()
}

// place puts a glyph's middle at (x, y), turned by up to 25° and slanted.
func place(canvas *image.NRGBA, glyph image.Image, x, y float64, rng *rand.Rand) {
	angle := (rng.Float64()*2 - 1) * 25 * math.Pi / 180
	slant := (rng.Float64()*2 - 1) * 0.25
	sin, cos := math.Sincos(angle)
	a, b := cos, cos*slant-sin
	c, d := sin, sin*slant+cos
	const half = glyphSize / 2
	draw.BiLinear.Transform(canvas, f64.Aff3{
		a, b, x - a*half - b*half,
		c, d, y - c*half - d*half,
	}, glyph, glyph.Bounds(), draw.Over, nil)
}

// wave paints a sine line across the image.
func wave(canvas *image.NRGBA, rng *rand.Rand, thick int) {
	ink := dark(rng)
	height, base := rng.Float64()*14+4, rng.Float64()*digitsHeight
	phase, length := rng.Float64()*2*math.Pi, rng.Float64()*60+50
	for x := range digitsWidth {
		y := int(base + height*math.Sin(phase+float64(x)*2*math.Pi/length))
		for t := range thick {
			canvas.Set(x, y+t, ink)
		}
	}
}

func dark(rng *rand.Rand) color.Color {
	return color.NRGBA{shade(rng, 0, 120), shade(rng, 0, 120), shade(rng, 0, 120), 255}
}

func pale(rng *rand.Rand) color.Color {
	return color.NRGBA{shade(rng, 225, 255), shade(rng, 225, 255), shade(rng, 225, 255), 255}
}

func shade(rng *rand.Rand, least, most int) uint8 { return uint8(least + rng.IntN(most-least+1)) }
