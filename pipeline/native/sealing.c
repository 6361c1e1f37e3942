/* All batches of a commit at once, without Python's lock: what record_batch.py does one by one.

   By itself each batch gives the lock away and waits for it again, and the thread that decides holds
   it nearly always. The library is the system's; where there is none, or no instruction for CRC-32C,
   None says so and record_batch.py does it. */
#pragma GCC diagnostic error "-Wmissing-prototypes"
#include <Python.h>
#include <dlfcn.h>
#include <stdint.h>
#include <string.h>

#include "CPy.h"
#include "byteswriter_extra_ops.h"
#include "__native_internal_tollgate.h"
#include "shared.h"

#if defined(__x86_64__) && defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define HAS_CRC32C __builtin_cpu_supports("sse4.2")

__attribute__((target("sse4.2"))) static uint32_t crc32c(const uint8_t *data, size_t bytes) {
    uint64_t crc = 0xFFFFFFFF;
    for (; bytes >= 8; data += 8, bytes -= 8) {
        uint64_t word;
        memcpy(&word, data, 8);
        crc = __builtin_ia32_crc32di(crc, word);
    }
    for (; bytes > 0; data++, bytes--) {
        crc = __builtin_ia32_crc32qi((uint32_t)crc, *data);
    }
    return ~(uint32_t)crc;
}
#else
#define HAS_CRC32C 0

static uint32_t crc32c(const uint8_t *data, size_t bytes) {
    (void)data;
    (void)bytes;
    return 0;
}
#endif

static const char *const LIBRARIES[] = {"liblz4.so.1", "liblz4.1.dylib"};

/* As <lz4.h> declares it: source, target, bytes of both; 0 when the target is too small. */
static int (*compress)(const char *, char *, int, int);

/* Bytes that a block may have, and what a frame of such blocks begins with: independent blocks, no
   checksums. */
#define FRAME_HEAD_BYTES 7
static const struct {
    size_t block_bytes;
    char head[FRAME_HEAD_BYTES + 1];
} KINDS[] = {
    {1 << 16, "\x04\x22\x4d\x18\x60\x40\x82"},
    {1 << 18, "\x04\x22\x4d\x18\x60\x50\xfb"},
    {1 << 20, "\x04\x22\x4d\x18\x60\x60\x51"},
    {1 << 22, "\x04\x22\x4d\x18\x60\x70\x73"},
};
#define KINDS_COUNT (sizeof KINDS / sizeof *KINDS)
#define AS_IS 0x80000000u
#define SIZE_BYTES 4

/* Base offset, length, leader epoch, magic, CRC-32C of what follows. */
#define LEAD_BYTES 21
#define LENGTH_AT 8
#define EPOCH_AT 12
#define MAGIC_AT 16
#define CRC_AT 17
#define MAGIC 2

/* One batch: what it is made of, and where it lies in `made`. */
typedef struct {
    const char *head;
    size_t head_bytes;
    const char *records;
    size_t records_bytes;
    size_t at;
    size_t bytes;
} Sealing;

/* What was made last; only the thread of commits comes here. */
static char *made;
static size_t made_bytes;

static int found_library(void) {
    if (!HAS_CRC32C) {
        return 0;
    }
    for (size_t at = 0; at < sizeof LIBRARIES / sizeof *LIBRARIES && compress == NULL; at++) {
        void *library = dlopen(LIBRARIES[at], RTLD_LAZY | RTLD_LOCAL);
        if (library != NULL) {
            compress = dlsym(library, "LZ4_compress_default");
        }
    }
    return compress != NULL;
}

static void put_little(char *at, uint32_t value) {
    for (int byte = 0; byte < SIZE_BYTES; byte++) {
        at[byte] = (char)(value >> 8 * byte);
    }
}

/* At most so many bytes are made of a batch. */
static size_t bound(const Sealing *s) {
    size_t blocks = s->records_bytes / KINDS[0].block_bytes + 1;
    return LEAD_BYTES + s->head_bytes + FRAME_HEAD_BYTES + s->records_bytes + (blocks + 1) * SIZE_BYTES;
}

/* The records as a frame of LZ4; where it ends. There must be room for `bound`. */
static char *put_frame(char *at, const Sealing *s) {
    size_t kind = 0;
    while (kind < KINDS_COUNT - 1 && s->records_bytes > KINDS[kind].block_bytes) {
        kind++;
    }
    memcpy(at, KINDS[kind].head, FRAME_HEAD_BYTES);
    at += FRAME_HEAD_BYTES;
    for (size_t start = 0; start < s->records_bytes; start += KINDS[kind].block_bytes) {
        size_t bytes = s->records_bytes - start;
        if (bytes > KINDS[kind].block_bytes) {
            bytes = KINDS[kind].block_bytes;
        }
        /* One that would not become smaller does not fit, and goes as it is. */
        int smaller = compress(s->records + start, at + SIZE_BYTES, (int)bytes, (int)bytes - 1);
        if (smaller > 0) {
            put_little(at, (uint32_t)smaller);
            at += SIZE_BYTES + smaller;
        } else {
            put_little(at, (uint32_t)bytes | AS_IS);
            memcpy(at + SIZE_BYTES, s->records + start, bytes);
            at += SIZE_BYTES + bytes;
        }
    }
    put_little(at, 0);
    return at + SIZE_BYTES;
}

static char *put_batch(char *at, const Sealing *s) {
    char *checked = at + LEAD_BYTES;
    memcpy(checked, s->head, s->head_bytes);
    char *end = put_frame(checked + s->head_bytes, s);
    memset(at, 0, LENGTH_AT);
    put_big(at + LENGTH_AT, (uint32_t)(end - at - EPOCH_AT));
    put_big(at + EPOCH_AT, (uint32_t)-1);
    at[MAGIC_AT] = MAGIC;
    put_big(at + CRC_AT, crc32c((const uint8_t *)checked, (size_t)(end - checked)));
    return end;
}

/* Make all; 0 when there is no memory. Without Python's lock. */
static int seal(Sealing *sealings, Py_ssize_t count) {
    size_t at = 0;
    for (Py_ssize_t i = 0; i < count; i++) {
        size_t needed = at + bound(&sealings[i]);
        if (needed > made_bytes) {
            char *larger = realloc(made, 2 * needed);
            if (larger == NULL) {
                return 0;
            }
            made = larger;
            made_bytes = 2 * needed;
        }
        sealings[i].at = at;
        at = (size_t)(put_batch(made + at, &sealings[i]) - made);
        sealings[i].bytes = at - sealings[i].at;
    }
    return 1;
}

static PyObject *as_list(const Sealing *sealings, Py_ssize_t count) {
    PyObject *list = PyList_New(count);
    for (Py_ssize_t i = 0; list != NULL && i < count; i++) {
        const Sealing *s = &sealings[i];
        PyObject *batch = PyBytes_FromStringAndSize(made + s->at, (Py_ssize_t)s->bytes);
        if (batch == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SET_ITEM(list, i, batch);
        }
    }
    return list;
}

PyObject *CPyDef_record_batch___made_together(PyObject *heads, PyObject *records) {
    static int found = -1;
    if (found < 0) {
        found = found_library();
    }
    if (!found) {
        return Py_NewRef(Py_None);
    }
    Py_ssize_t count = PyList_GET_SIZE(heads);
    Sealing *sealings = PyMem_New(Sealing, count > 0 ? (size_t)count : 1);
    if (sealings == NULL) {
        return PyErr_NoMemory();
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        PyObject *head = PyList_GET_ITEM(heads, i);
        BytesWriterObject *written = (BytesWriterObject *)PyList_GET_ITEM(records, i);
        sealings[i].head = PyBytes_AS_STRING(head);
        sealings[i].head_bytes = (size_t)PyBytes_GET_SIZE(head);
        sealings[i].records = written->buf;
        sealings[i].records_bytes = (size_t)written->len;
    }
    int done;
    Py_BEGIN_ALLOW_THREADS
    done = seal(sealings, count);
    Py_END_ALLOW_THREADS
    PyObject *list = done ? as_list(sealings, count) : PyErr_NoMemory();
    PyMem_Free(sealings);
    return list;
}
