package account

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/mojocn/base64Captcha"
)

// AudioCaptcha is a captcha for those who cannot see one: four digits spoken in Chinese. It is used as a Captcha is.
type AudioCaptcha struct {
	ID        string
	WAV       []byte // 8 kHz, 8 bits, about 15 seconds
	ExpiresAt time.Time
}

// NewAudioCaptcha makes a spoken captcha; images and sounds count together.
//
// Errors: CodeRateLimited when the address asks for too many.
func (a *Accounts) NewAudioCaptcha(ctx context.Context, from string) (AudioCaptcha, error) {
	c, answer, err := a.keepCaptcha(ctx, from)
	if err != nil {
		return AudioCaptcha{}, err
	}
	spoken, err := base64Captcha.NewDriverAudio(captchaDigits, "zh").DrawCaptcha(answer)
	if err != nil {
		return AudioCaptcha{}, fmt.Errorf("speaking captcha: %w", err)
	}
	var wav bytes.Buffer
	if _, err := spoken.WriteTo(&wav); err != nil {
		return AudioCaptcha{}, fmt.Errorf("speaking captcha: %w", err)
	}
	return AudioCaptcha{ID: c.ID, WAV: wav.Bytes(), ExpiresAt: c.ExpiresAt}, nil
}
