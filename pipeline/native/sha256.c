/* SHA-256 of bytes at once: what pipeline/codecs/sha256.py does, without what hashlib's objects cost.

   hashlib makes and frees two contexts for a digest, looks the algorithm up, and gives Python's lock
   away for 2 KiB and more, which takes longer than hashing them. The library is the one that hashlib
   has loaded; where it is linked otherwise, or where only validated modules may be used (FIPS), hashlib
   does it. Called with Python's lock held. */
#pragma GCC diagnostic error "-Wmissing-prototypes"
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <dlfcn.h>

#include "CPy.h"
#include "__native_internal_tollgate.h"
#include "shared.h"

#define DIGEST_BYTES 32
/* SHA256_CTX has 112. */
#define CONTEXT_BYTES 256

static const char *const LIBRARIES[] = {"libcrypto.so.3", "libcrypto.3.dylib"};

/* As <openssl/sha.h> of OpenSSL 3 declares them: a third of what EVP takes for so few bytes. */
static struct {
    int (*begin)(void *context);
    int (*update)(void *context, const void *data, size_t bytes);
    int (*end)(unsigned char *digest, void *context);
} crypto;

static int find(void) {
    for (size_t at = 0; at < sizeof LIBRARIES / sizeof *LIBRARIES; at++) {
        void *library = dlopen(LIBRARIES[at], RTLD_LAZY | RTLD_NOLOAD);
        if (library == NULL) {
            continue;
        }
        int (*only_validated)(void *) = dlsym(library, "EVP_default_properties_is_fips_enabled");
        crypto.begin = dlsym(library, "SHA256_Init");
        crypto.update = dlsym(library, "SHA256_Update");
        crypto.end = dlsym(library, "SHA256_Final");
        return only_validated && !only_validated(NULL) && crypto.begin && crypto.update && crypto.end;
    }
    return 0;
}

static PyObject *by_hashlib(const char *data, size_t bytes) {
    PyObject *hash = PyObject_CallFunction(CPyStatic_sha256____SHA256, "y#", data, (Py_ssize_t)bytes);
    if (hash == NULL) {
        return NULL;
    }
    PyObject *digest = PyObject_CallMethod(hash, "digest", NULL);
    Py_DECREF(hash);
    return digest;
}

PyObject *sha256_of_memory(const char *data, size_t bytes) {
    static int found = -1;
    if (found < 0) {
        found = find();
    }
    if (!found) {
        return by_hashlib(data, bytes);
    }
    PyObject *digest = PyBytes_FromStringAndSize(NULL, DIGEST_BYTES);
    if (digest == NULL) {
        return NULL;
    }
    _Alignas(16) unsigned char context[CONTEXT_BYTES];
    if (!crypto.begin(context) || !crypto.update(context, data, bytes) ||
        !crypto.end((unsigned char *)PyBytes_AS_STRING(digest), context)) {
        Py_DECREF(digest);
        PyErr_SetString(PyExc_RuntimeError, "SHA-256 failed");
        return NULL;
    }
    return digest;
}

PyObject *CPyDef_sha256___sha256_of(PyObject *data) {
    return sha256_of_memory(PyBytes_AS_STRING(data), (size_t)PyBytes_GET_SIZE(data));
}
