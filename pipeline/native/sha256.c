/* SHA-256 of bytes at once: what pipeline/codecs/sha256.py does, without what hashlib's objects cost.

   hashlib makes and frees two contexts for a digest, looks the algorithm up, and gives Python's lock
   away for 2 KiB and more, which takes longer than hashing them. The library is the one that hashlib
   has loaded; where it is linked otherwise, hashlib does it. Called with Python's lock held. */
#pragma GCC diagnostic error "-Wmissing-prototypes"
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <dlfcn.h>

#include "CPy.h"
#include "__native_internal_tollgate.h"
#include "replaced.h"

#define DIGEST_BYTES 32

static const char *const LIBRARIES[] = {"libcrypto.so.3", "libcrypto.3.dylib"};

/* As <openssl/evp.h> of OpenSSL 3 declares them. */
static struct {
    void *algorithm;
    void *context;
    int (*begin)(void *context, const void *algorithm, const void *parameters);
    int (*update)(void *context, const void *data, size_t bytes);
    int (*end)(void *context, unsigned char *digest, unsigned int *bytes);
} crypto;

static int find(void) {
    for (size_t at = 0; at < sizeof LIBRARIES / sizeof *LIBRARIES; at++) {
        void *library = dlopen(LIBRARIES[at], RTLD_LAZY | RTLD_NOLOAD);
        if (library == NULL) {
            continue;
        }
        void *(*fetch)(void *, const char *, const char *) = dlsym(library, "EVP_MD_fetch");
        void *(*context)(void) = dlsym(library, "EVP_MD_CTX_new");
        crypto.begin = dlsym(library, "EVP_DigestInit_ex2");
        crypto.update = dlsym(library, "EVP_DigestUpdate");
        crypto.end = dlsym(library, "EVP_DigestFinal_ex");
        if (fetch && context && crypto.begin && crypto.update && crypto.end) {
            crypto.algorithm = fetch(NULL, "SHA256", NULL);
            crypto.context = context();
        }
        if (crypto.algorithm != NULL && crypto.context != NULL) {
            return 1;
        }
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
    if (!crypto.begin(crypto.context, crypto.algorithm, NULL) ||
        !crypto.update(crypto.context, data, bytes) ||
        !crypto.end(crypto.context, (unsigned char *)PyBytes_AS_STRING(digest), NULL)) {
        Py_DECREF(digest);
        PyErr_SetString(PyExc_RuntimeError, "SHA-256 failed");
        return NULL;
    }
    return digest;
}

PyObject *CPyDef_sha256___sha256_of(PyObject *data) {
    return sha256_of_memory(PyBytes_AS_STRING(data), (size_t)PyBytes_GET_SIZE(data));
}
