package letter

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/signintech/gopdf"
	"rsc.io/qr"
)

// Letter is what one letter says.
//
// Nil/zero: what is empty is left out.
type Letter struct {
	Title    string // without 《》
	Subtitle string // such as the English title
	Number   string // required: what it is found by
	Verify   string // required: the address behind the QR code
	At       time.Time
	Rows     []Row    // the table
	Choices  []Choice // boxes, one ticked
	Text     []string // paragraphs under the table
	Signs    []string // blanks for signatures and stamps
	StampBox string   // a large field for one clear imprint, and what it is for
	Foot     []string // small print
	Zone     *time.Location
}

// Row is one line of the table.
type Row struct{ Label, Value string }

// Choice is a box with a word.
type Choice struct {
	Text   string
	Ticked bool
}

//go:embed font/LXGWWenKai-Regular.ttf.gz
var packedFont []byte

const family = "wenkai"

// parsed is the font, unpacked and read once: it takes some tenths of a second and 16 MB.
var parsed = sync.OnceValues(func() (*gopdf.FontContainer, error) {
	r, err := gzip.NewReader(bytes.NewReader(packedFont))
	if err != nil {
		return nil, err
	}
	font, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	fonts := &gopdf.FontContainer{}
	return fonts, fonts.AddTTFFontDataWithOption(family, font, gopdf.TtfOption{OnGlyphNotFoundSubstitute: func(rune) rune { return '〓' }})
})

// A4 in points, and the margin.
const (
	pageWidth, pageHeight = 595.28, 841.89
	margin                = 56.0
	width                 = pageWidth - 2*margin
	bottom                = pageHeight - margin
	leading               = 1.55
)

// page is a letter being printed.
type page struct {
	gopdf.GoPdf
	l     Letter
	y     float64
	pages int
	err   error // the first
}

// printing lets one letter be printed at a time: the font is shared.
var printing sync.Mutex

// Render prints a letter. The same letter gives the same octets.
//
// Errors: a letter without number or address.
func Render(l Letter) ([]byte, error) {
	if l.Number == "" || l.Verify == "" {
		return nil, fmt.Errorf("printing %s: it has no number, or no address to check it", l.Title)
	}
	fonts, err := parsed()
	if err != nil {
		return nil, fmt.Errorf("reading the font: %w", err)
	}
	if l.Zone == nil {
		l.Zone = time.UTC
	}
	printing.Lock()
	defer printing.Unlock()
	p := &page{l: l}
	p.Start(gopdf.Config{PageSize: gopdf.Rect{W: pageWidth, H: pageHeight}})
	p.SetInfo(gopdf.PdfInfo{Title: l.Title + " " + l.Number, Producer: "Signet", CreationDate: l.At.In(l.Zone)})
	p.check(p.AddTTFFontFromFontContainer(family, fonts))
	p.turn()
	p.head()
	p.table()
	p.choices()
	for _, text := range l.Text {
		p.paragraph(text, 11.5, 24)
		p.y += 4
	}
	p.stampBox()
	p.signs()
	p.y += 8
	for _, text := range l.Foot {
		p.paragraph(text, 9, 0)
	}
	if p.err != nil {
		return nil, fmt.Errorf("printing %s: %w", l.Title, p.err)
	}
	return p.GetBytesPdfReturnErr()
}

func (p *page) check(err error) {
	if p.err == nil {
		p.err = err
	}
}

// turn begins a page; each says which letter it is.
func (p *page) turn() {
	p.AddPage()
	p.pages++
	p.SetLineWidth(0.6)
	p.at(margin, pageHeight-36, 8.5, fmt.Sprintf("编号 No. %s    第 %d 页    核对 %s", p.l.Number, p.pages, p.l.Verify))
	p.y = margin
}

// room makes sure that so much fits on this page.
func (p *page) room(height float64) {
	if p.y+height > bottom {
		p.turn()
	}
}

// at prints one line.
func (p *page) at(x, y, size float64, text string) {
	if text == "" {
		return
	}
	p.check(p.SetFont(family, "", size))
	p.SetXY(x, y)
	p.check(p.Cell(nil, text))
}

func (p *page) measure(text string, size float64) float64 {
	p.check(p.SetFont(family, "", size))
	w, err := p.MeasureTextWidth(text)
	p.check(err)
	return w
}

// lines breaks a text at a width; between Latin words where there is a space, else between any two characters.
func (p *page) lines(text string, size, room, indent float64) []string {
	var out []string
	for _, part := range strings.Split(clean(text), "\n") {
		line, at := "", indent
		for _, word := range words(part) {
			w := p.measure(word, size)
			if at+w > room && line != "" {
				out = append(out, strings.TrimRight(line, " "))
				line, at = "", 0
				word = strings.TrimLeft(word, " ")
				w = p.measure(word, size)
			}
			for w > room { // a word longer than a line
				n := len([]rune(word))
				for n > 1 && p.measure(string([]rune(word)[:n]), size) > room {
					n--
				}
				out = append(out, string([]rune(word)[:n]))
				word = string([]rune(word)[n:])
				w = p.measure(word, size)
			}
			line += word
			at += w
		}
		out = append(out, line)
	}
	return out
}

// closing may not begin a line.
const closing = "\uff0c\u3002\u3001\uff1b\uff1a\uff1f\uff01\uff09\u300b\u300d\u300f\u201d\u2019%,.;:?!)" // ，。、；：？！）》」』”’ and the half-width ones

// opening may not end a line: （《「『“‘ and the half-width one.
const opening = "\uff08\u300a\u300c\u300e\u201c\u2018("

// words are what a line may be broken between.
func words(text string) []string {
	var out []string
	latin, opened := false, false
	for _, c := range text {
		isLatin := c < 0x2e80 && c != ' '
		joins := len(out) > 0 && (isLatin && latin || opened || strings.ContainsRune(closing, c))
		if joins {
			out[len(out)-1] += string(c)
		} else {
			out = append(out, string(c))
		}
		latin, opened = isLatin, strings.ContainsRune(opening, c)
	}
	return out
}

// clean takes out what cannot be printed.
func clean(text string) string {
	return strings.Map(func(c rune) rune {
		if c == '\n' || unicode.IsPrint(c) {
			return c
		}
		return -1
	}, strings.ToValidUTF8(text, "〓"))
}

func (p *page) paragraph(text string, size, indent float64) {
	for n, line := range p.lines(text, size, width, indent) {
		p.room(size * leading)
		x := margin
		if n == 0 {
			x += indent
		}
		p.at(x, p.y, size, line)
		p.y += size * leading
	}
}

const codeSide = 78.0

// head has the title in the middle, the number under it and the QR code at the right.
func (p *page) head() {
	p.code(pageWidth-margin-codeSide, margin-14)
	room := width - 2*(codeSide+10)
	for _, line := range p.lines(p.l.Title, 19, room, 0) {
		p.at((pageWidth-p.measure(line, 19))/2, p.y, 19, line)
		p.y += 19 * 1.4
	}
	p.at((pageWidth-p.measure(p.l.Subtitle, 9.5))/2, p.y, 9.5, p.l.Subtitle)
	p.y = max(p.y+20, margin+codeSide)
	p.at(margin, p.y, 10, "编号 No. "+p.l.Number)
	date := "日期 " + p.l.At.In(p.l.Zone).Format("2006-01-02")
	p.at(pageWidth-margin-p.measure(date, 10), p.y, 10, date)
	p.y += 20
}

// code draws the QR code as squares, sharp at any size.
func (p *page) code(x, y float64) {
	code, err := qr.Encode(p.l.Verify, qr.M)
	p.check(err)
	if err != nil {
		return
	}
	const quiet = 2
	unit := codeSide / float64(code.Size+2*quiet)
	p.SetFillColor(0, 0, 0)
	for row := range code.Size {
		for from := 0; from < code.Size; from++ {
			to := from
			for to < code.Size && code.Black(to, row) {
				to++
			}
			if to > from {
				p.RectFromUpperLeftWithStyle(x+float64(from+quiet)*unit, y+float64(row+quiet)*unit, float64(to-from)*unit, unit, "F")
				from = to
			}
		}
	}
}

// table is two columns, the first for what a value is.
func (p *page) table() {
	const label, size, pad = 128.0, 11.0, 6.0
	for _, row := range p.l.Rows {
		left, right := p.lines(row.Label, size, label-2*pad, 0), p.lines(row.Value, size, width-label-2*pad, 0)
		height := float64(max(len(left), len(right)))*size*leading + pad
		p.room(height)
		p.RectFromUpperLeft(margin, p.y, label, height)
		p.RectFromUpperLeft(margin+label, p.y, width-label, height)
		for n, line := range left {
			p.at(margin+pad, p.y+pad+float64(n)*size*leading, size, line)
		}
		for n, line := range right {
			p.at(margin+label+pad, p.y+pad+float64(n)*size*leading, size, line)
		}
		p.y += height
	}
	p.y += 12
}

// choices are boxes with words; the ticks are drawn, as the font has none.
func (p *page) choices() {
	const size, box = 11.0, 9.0
	x := margin
	for _, c := range p.l.Choices {
		w := box + 6 + p.measure(c.Text, size) + 18
		if x+w > margin+width && x > margin {
			x, p.y = margin, p.y+size*leading+2
		}
		p.room(size * leading)
		p.RectFromUpperLeft(x, p.y+1.5, box, box)
		if c.Ticked {
			p.Line(x+1.8, p.y+6, x+4, p.y+8.6)
			p.Line(x+4, p.y+8.6, x+8, p.y+2.6)
		}
		p.at(x+box+6, p.y, size, c.Text)
		x += w
	}
	if len(p.l.Choices) > 0 {
		p.y += size*leading + 10
	}
}

// stampBox is a field for one imprint.
func (p *page) stampBox() {
	if p.l.StampBox == "" {
		return
	}
	const side = 190.0
	p.room(side + 30)
	p.at(margin, p.y, 11, p.l.StampBox)
	p.y += 22
	p.RectFromUpperLeft((pageWidth-side)/2, p.y, side, side)
	p.y += side + 14
}

// signs are the blanks for signature, stamp and date; they stay together.
func (p *page) signs() {
	if len(p.l.Signs) == 0 {
		return
	}
	const line = 34.0
	p.room(float64(len(p.l.Signs))*line + 10)
	p.y += 10
	for _, sign := range p.l.Signs {
		w := p.measure(sign, 11.5)
		x := margin + width*0.42
		p.at(x, p.y+8, 11.5, sign)
		p.Line(x+w+6, p.y+24, margin+width, p.y+24)
		p.y += line
	}
}
