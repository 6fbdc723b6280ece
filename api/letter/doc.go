// Package letter prints letters, forms and slips as PDF on A4: filled in, numbered, with a QR code that leads to where the number can be checked,
// and with room for signature and stamp.
//
// It knows no application and no order: who calls it says every word. It refuses nothing that can be printed; a character that the font
// has not becomes 〓.
package letter
