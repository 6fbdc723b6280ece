package kmc

// WrapperOf lets a test open what a centre sealed.
func WrapperOf(k *Centre) Wrapper { return k.c.Wrapper }
