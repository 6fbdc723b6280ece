package upload

import (
	"archive/zip"
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"signet/api/problem"
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// picture has a red corner at the top left and is wider than high.
func picture(w, h int) *image.NRGBA {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.NRGBA{240, 240, 240, 255}
			if x < w/4 && y < h/4 {
				c = color.NRGBA{200, 0, 0, 255}
			}
			m.SetNRGBA(x, y, c)
		}
	}
	return m
}

func asJPEG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	must(t, jpeg.Encode(&out, m, nil))
	return out.Bytes()
}

func asPNG(t testing.TB, m image.Image) []byte {
	t.Helper()
	var out bytes.Buffer
	must(t, png.Encode(&out, m))
	return out.Bytes()
}

func asZIP(t testing.TB) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	f, err := z.Create("META-INF/MANIFEST.MF")
	must(t, err)
	_, err = f.Write([]byte("Main-Class: Evil\n"))
	must(t, err)
	must(t, z.Close())
	return out.Bytes()
}

// asPDF writes a PDF of so many pages; extra goes into the catalogue, objects after the pages.
func asPDF(pages int, extra string, objects ...string) []byte {
	var kids []string
	body := []string{"", ""}
	for n := range pages {
		kids = append(kids, fmt.Sprintf("%d 0 R", n+3))
		body = append(body, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Resources << >> >>")
	}
	body[0] = "<< /Type /Catalog /Pages 2 0 R " + extra + " >>"
	body[1] = fmt.Sprintf("<< /Type /Pages /Count %d /Kids [%s] >>", pages, strings.Join(kids, " "))
	return writePDF(append(body, objects...), "")
}

func writePDF(objects []string, trailer string) []byte {
	var out bytes.Buffer
	out.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	var at []int
	for n, o := range objects {
		at = append(at, out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", n+1, o)
	}
	start := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, offset := range at {
		fmt.Fprintf(&out, "%010d 00000 n \n", offset)
	}
	fmt.Fprintf(&out, "trailer\n<< /Size %d /Root 1 0 R %s >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, trailer, start)
	return out.Bytes()
}

func stream(dict, content string) string {
	return fmt.Sprintf("<< %s /Length %d >>\nstream\n%s\nendstream", dict, len(content), content)
}

func deflated(content []byte) string {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	z.Write(content)
	z.Close()
	return out.String()
}

func TestGoodFiles(t *testing.T) {
	for name, c := range map[string]struct {
		content []byte
		want    File
	}{
		"jpeg":        {asJPEG(t, picture(80, 40)), File{MediaType: JPEG, Width: 80, Height: 40}},
		"png":         {asPNG(t, picture(80, 40)), File{MediaType: PNG, Width: 80, Height: 40}},
		"grey png":    {asPNG(t, image.NewGray(image.Rect(0, 0, 9, 9))), File{MediaType: PNG, Width: 9, Height: 9}},
		"pdf":         {asPDF(3, ""), File{MediaType: PDF, Pages: 3}},
		"pdf, links":  {asPDF(1, "", "<< /Type /Annot /Subtype /Link /Rect [0 0 1 1] /A << /S /URI /URI (https://example.cn) >> >>"), File{MediaType: PDF, Pages: 1}},
		"pdf, jump":   {asPDF(1, "/OpenAction [3 0 R /Fit]"), File{MediaType: PDF, Pages: 1}},
		"pdf, spaces": {append(asPDF(1, ""), "\r\n  \n"...), File{MediaType: PDF, Pages: 1}},
	} {
		got, err := Check(t.Context(), c.content, Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if got.MediaType != c.want.MediaType || got.Pages != c.want.Pages || got.Width != c.want.Width || got.Height != c.want.Height {
			t.Errorf("%s: %s, %d pages, %d by %d", name, got.MediaType, got.Pages, got.Width, got.Height)
		}
		if got.MediaType == PDF && !bytes.Equal(got.Content, c.content) {
			t.Errorf("%s: a PDF was changed", name)
		}
	}
}

func TestBadFiles(t *testing.T) {
	jpg, pic, pdf := asJPEG(t, picture(80, 40)), asPNG(t, picture(80, 40)), asPDF(1, "")
	var moving bytes.Buffer
	must(t, gif.Encode(&moving, picture(8, 8), nil))
	deep := asPDF(1, "", strings.Repeat("[", 50_000)+strings.Repeat("]", 50_000))
	for name, c := range map[string]struct {
		content []byte
		code    problem.Code
	}{
		"nothing":                 {nil, problem.CodeUploadType},
		"text":                    {[]byte("hello"), problem.CodeUploadType},
		"page":                    {[]byte("<html><script>alert(1)</script>"), problem.CodeUploadType},
		"svg":                     {[]byte(`<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`), problem.CodeUploadType},
		"gif":                     {moving.Bytes(), problem.CodeUploadType},
		"gif and jar":             {append(moving.Bytes(), asZIP(t)...), problem.CodeUploadType},
		"zip":                     {asZIP(t), problem.CodeUploadType},
		"program":                 {[]byte("MZ\x90\x00"), problem.CodeUploadType},
		"page before pdf":         {append([]byte("<html>"), pdf...), problem.CodeUploadType},
		"jpeg cut off":            {jpg[:len(jpg)/2], problem.CodeUploadDamaged},
		"jpeg in name":            {[]byte("\xff\xd8\xff\xe0<script>"), problem.CodeUploadDamaged},
		"png cut off":             {pic[:len(pic)/2], problem.CodeUploadDamaged},
		"png, huge":               {hugePNG(60_000, 60_000), problem.CodeUploadDamaged},
		"png, wide":               {hugePNG(1<<30, 1), problem.CodeUploadDamaged},
		"png, bomb":               {bombPNG(t, 10_000, 10_000), problem.CodeUploadDamaged},
		"large image":             {append(bytes.Clone(jpg), make([]byte, 512<<10)...), problem.CodeUploadTooLarge},
		"large pdf":               {append(bytes.Clone(pdf), make([]byte, 5<<20)...), problem.CodeUploadTooLarge},
		"pdf cut off":             {pdf[:len(pdf)/2], problem.CodeUploadDamaged},
		"pdf only in name":        {[]byte("%PDF-1.4\nhello\n%%EOF"), problem.CodeUploadDamaged},
		"pdf and zip":             {append(bytes.Clone(pdf), asZIP(t)...), problem.CodeUploadDamaged},
		"zip inside a pdf":        {asPDF(1, "", stream("", string(asZIP(t)))), problem.CodeUploadDamaged},
		"pdf and page":            {append(bytes.Clone(pdf), "<script>"...), problem.CodeUploadDamaged},
		"pdf, no pages":           {asPDF(0, ""), problem.CodeUploadDamaged},
		"pdf, many pages":         {asPDF(21, ""), problem.CodeUploadPages},
		"pdf, script":             {asPDF(1, "/OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >>"), problem.CodeUploadActive},
		"pdf, script spelt":       {asPDF(1, "/OpenAction << /S /J#61vaScript /J#53 (app.alert\\(1\\)) >>"), problem.CodeUploadActive},
		"pdf, program":            {asPDF(1, "/OpenAction << /S /Launch /F (cmd.exe) >>"), problem.CodeUploadActive},
		"pdf, additional action":  {asPDF(1, "/AA << /WC << /S /URI /URI (http://evil.example) >> >>"), problem.CodeUploadActive},
		"pdf, other file":         {asPDF(1, "", "<< /S /GoToR /F (\\\\\\\\evil\\\\share) /D [0 /Fit] >>"), problem.CodeUploadActive},
		"pdf, attachment":         {asPDF(1, "/Names << /EmbeddedFiles << /Names [(a.exe) 4 0 R] >> >>", "<< /Type /Filespec /F (a.exe) /EF << /F 5 0 R >> >>", stream("/Type /EmbeddedFile", "MZ")), problem.CodeUploadActive},
		"pdf, form":               {asPDF(1, "/AcroForm << /Fields [] /XFA 4 0 R >>", stream("", "<xdp/>")), problem.CodeUploadActive},
		"pdf, unused script":      {asPDF(1, "", "<< /S /JavaScript /JS (app.alert\\(1\\)) >>"), problem.CodeUploadActive},
		"pdf, script not listed":  {bytes.Replace(pdf, []byte("xref\n"), []byte("9 0 obj\n<< /S /JavaScript >>\nendobj\nxref\n"), 1), problem.CodeUploadActive},
		"pdf, encrypted":          {writePDF([]string{"<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Count 0 /Kids [] >>", "<< /Filter /Standard /V 1 /R 2 /O (x) /U (x) /P -4 >>"}, "/Encrypt 3 0 R"), problem.CodeUploadEncrypted},
		"pdf, nested and listed":  {asPDF(1, "/Deep "+strings.Repeat("[", 1<<20)+strings.Repeat("]", 1<<20)), problem.CodeUploadDamaged},
		"pdf, nested deeply":      {deep, problem.CodeUploadDamaged},
		"pdf, script in a stream": {hiddenPDF(), problem.CodeUploadActive},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Check(t.Context(), c.content, Limits{})
			if !problem.Has(err, c.code) {
				t.Errorf("got %v, want %s", err, c.code)
			}
		})
	}
}

// hiddenPDF has its script in an object stream, compressed.
func hiddenPDF() []byte {
	inner := "4 0 << /S /JavaScript /JS (app.alert\\(1\\)) >>"
	packed := deflated([]byte(inner))
	var out bytes.Buffer
	out.WriteString("%PDF-1.5\n")
	at := map[int]int{}
	object := func(n int, text string) {
		at[n] = out.Len()
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", n, text)
	}
	object(1, "<< /Type /Catalog /Pages 2 0 R /OpenAction 4 0 R >>")
	object(2, "<< /Type /Pages /Count 1 /Kids [3 0 R] >>")
	object(3, "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Resources << >> >>")
	object(5, stream("/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", packed))
	start := out.Len()
	var table []byte
	entry := func(kind byte, a uint32, b byte) {
		table = append(binary.BigEndian.AppendUint32(append(table, kind), a), b)
	}
	entry(0, 0, 0)
	for n := 1; n <= 3; n++ {
		entry(1, uint32(at[n]), 0)
	}
	entry(2, 5, 0)
	entry(1, uint32(at[5]), 0)
	entry(1, uint32(start), 0)
	object(6, stream("/Type /XRef /Size 7 /W [1 4 1] /Root 1 0 R", string(table)))
	fmt.Fprintf(&out, "startxref\n%d\n%%%%EOF\n", start)
	return out.Bytes()
}

// hugePNG claims a size and has nothing.
func hugePNG(w, h uint32) []byte {
	head := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h)
	return append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(head, 8, 2, 0, 0, 0))...)
}

// bombPNG is a real picture of many pixels in few octets.
func bombPNG(t *testing.T, w, h int) []byte {
	t.Helper()
	var data bytes.Buffer
	z := zlib.NewWriter(&data)
	row := make([]byte, w+1)
	for range h {
		_, err := z.Write(row)
		must(t, err)
	}
	must(t, z.Close())
	out := append([]byte("\x89PNG\r\n\x1a\n"), chunk("IHDR", append(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(w)), uint32(h)), 8, 0, 0, 0, 0))...)
	return append(append(out, chunk("IDAT", data.Bytes())...), chunk("IEND", nil)...)
}

func chunk(kind string, data []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	body := append([]byte(kind), data...)
	return binary.BigEndian.AppendUint32(append(out, body...), crc32.ChecksumIEEE(body))
}

// TestImagesAreWrittenAnew: whatever stood beside the pixels is gone.
func TestImagesAreWrittenAnew(t *testing.T) {
	mark := []byte("GPS 29.0789 N 119.6474 E <?php evil")
	jpg := asJPEG(t, picture(80, 40))
	comment := append([]byte{0xff, 0xfe, 0, byte(len(mark) + 2)}, mark...)
	pic := asPNG(t, picture(80, 40))
	text := chunk("tEXt", append([]byte("Comment\x00"), mark...))
	for name, content := range map[string][]byte{
		"jpeg, comment": append(append(bytes.Clone(jpg[:2]), comment...), jpg[2:]...),
		"jpeg, behind":  append(bytes.Clone(jpg), mark...),
		"jpeg, zip":     append(append(bytes.Clone(jpg), asZIP(t)...), mark...),
		"png, text":     append(append(bytes.Clone(pic[:33]), text...), pic[33:]...),
		"png, behind":   append(bytes.Clone(pic), mark...),
		"png, zip":      append(append(bytes.Clone(pic), mark...), asZIP(t)...),
	} {
		if !bytes.Contains(content, mark) {
			t.Fatalf("%s has no mark", name)
		}
		got, err := Check(t.Context(), content, Limits{})
		must(t, err)
		if bytes.Contains(got.Content, mark) || bytes.Contains(got.Content, []byte("PK\x05\x06")) {
			t.Errorf("%s: something of the original file is left", name)
		}
		if m, _, err := image.Decode(bytes.NewReader(got.Content)); err != nil || m.Bounds().Dx() != 80 {
			t.Errorf("%s: no picture any more: %v", name, err)
		}
	}
}

// TestOrientation: a camera held in any of eight ways gives the same upright picture.
func TestOrientation(t *testing.T) {
	for how := 1; how <= 8; how++ {
		for name, order := range map[string]binary.AppendByteOrder{"MM": binary.BigEndian, "II": binary.LittleEndian} {
			exif := append([]byte("Exif\x00\x00"), name...)
			exif = order.AppendUint32(order.AppendUint16(exif, 42), 8)
			exif = order.AppendUint16(exif, 1)                                                    // one entry
			exif = order.AppendUint32(order.AppendUint16(order.AppendUint16(exif, 0x0112), 3), 1) // SHORT
			exif = order.AppendUint32(order.AppendUint16(order.AppendUint16(exif, uint16(how)), 0), 0)
			jpg := asJPEG(t, lying(picture(80, 40), how))
			segment := append(binary.BigEndian.AppendUint16([]byte{0xff, 0xe1}, uint16(len(exif)+2)), exif...)
			got, err := Check(t.Context(), append(append(bytes.Clone(jpg[:2]), segment...), jpg[2:]...), Limits{})
			must(t, err)
			m, err := jpeg.Decode(bytes.NewReader(got.Content))
			must(t, err)
			if got.Width != 80 || got.Height != 40 {
				t.Errorf("%s %d: %d by %d", name, how, got.Width, got.Height)
				continue
			}
			r, g, _, _ := m.At(5, 3).RGBA()
			r2, g2, _, _ := m.At(75, 35).RGBA()
			if r>>8 < 150 || g>>8 > 80 || r2>>8 < 200 || g2>>8 < 200 {
				t.Errorf("%s %d: the red corner is not at the top left", name, how)
			}
		}
	}
}

// lying is what a camera held so writes: the inverse of upright, found by trying where each pixel goes.
func lying(m *image.NRGBA, how int) *image.NRGBA {
	w, h := m.Bounds().Dx(), m.Bounds().Dy()
	lw, lh := w, h
	if how >= 5 {
		lw, lh = h, w
	}
	out := image.NewNRGBA(image.Rect(0, 0, lw, lh))
	for y := range lh {
		for x := range lw {
			tx, ty := turned(how, x, y, lw, lh)
			out.Set(x, y, m.At(tx, ty))
		}
	}
	return out
}

func TestLimits(t *testing.T) {
	if _, err := Check(t.Context(), asPDF(3, ""), Limits{PDFPages: 2}); !problem.Has(err, problem.CodeUploadPages) {
		t.Error(err)
	}
	if _, err := Check(t.Context(), asJPEG(t, picture(80, 40)), Limits{ImageBytes: 100}); !problem.Has(err, problem.CodeUploadTooLarge) {
		t.Error(err)
	}
}

func TestWaitingEndsWithTheRequest(t *testing.T) {
	for range cap(atOnce) {
		atOnce <- struct{}{}
	}
	defer func() {
		for range cap(atOnce) {
			<-atOnce
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Check(ctx, asPDF(1, ""), Limits{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestBombsInPDF: compressed a thousandfold, in a stream that must be opened to read the file.
func TestBombsInPDF(t *testing.T) {
	bomb := deflated(make([]byte, 64<<20))
	var out bytes.Buffer
	out.WriteString("%PDF-1.5\n")
	start := out.Len()
	fmt.Fprintf(&out, "1 0 obj\n%s\nendobj\nstartxref\n%d\n%%%%EOF\n", stream("/Type /XRef /Size 2 /W [1 4 1] /Root 1 0 R /Filter /FlateDecode", bomb), start)
	began := time.Now()
	_, err := Check(t.Context(), out.Bytes(), Limits{})
	if !problem.Has(err, problem.CodeUploadDamaged) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add(asJPEG(f, picture(8, 4)))
	f.Add(asPNG(f, picture(8, 4)))
	f.Add(asPDF(2, ""))
	f.Add(asPDF(1, "/OpenAction << /S /JavaScript /JS (1) >>"))
	f.Add(hiddenPDF())
	f.Add(hugePNG(60_000, 60_000))
	f.Fuzz(func(t *testing.T, content []byte) {
		got, err := Check(context.Background(), content, Limits{})
		if err != nil {
			var p *problem.Error
			if !errors.As(err, &p) {
				t.Fatalf("not a refusal: %v", err)
			}
			return
		}
		again, err := Check(context.Background(), got.Content, Limits{ImageBytes: 64 << 20})
		if err != nil || again.MediaType != got.MediaType || again.Pages != got.Pages || again.Width != got.Width {
			t.Fatalf("what was let through is refused: %v", err)
		}
	})
}

// TestDisturbed breaks good files in a few thousand places: each is refused or taken, and nothing else.
func TestDisturbed(t *testing.T) {
	draw := rand.New(rand.NewPCG(1, 2))
	for _, good := range [][]byte{asJPEG(t, picture(16, 8)), asPNG(t, picture(16, 8)), asPDF(2, ""), hiddenPDF()} {
		for range 400 {
			broken := bytes.Clone(good)
			for range 1 + draw.IntN(4) {
				broken[draw.IntN(len(broken))] = byte(draw.IntN(256))
			}
			if _, err := Check(t.Context(), broken, Limits{}); err != nil {
				var p *problem.Error
				if !errors.As(err, &p) {
					t.Fatalf("%q: not a refusal: %v", broken, err)
				}
			}
		}
	}
}
