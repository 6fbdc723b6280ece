// Package cryptoki is the PKCS#11 C interface in Go: modules, slots, sessions, objects, and vendor differences as data (Profile).
//
// A module is a vendor's library: it can crash, hang, corrupt memory or keep a PIN. So every call has a deadline, and by default the
// module runs in a worker process of its own, which is killed when it hangs and started again when it died. It refuses modules outside the
// configured folders, folders that others than an administrator can write, and to remember a slot by its number: numbers move, so a
// token is found by serial and label each time. A wrong PIN is never tried again.
//
// Sessions and object handles belong to one generation of the module; after a restart they are dead and say so with ClassSession.
package cryptoki
