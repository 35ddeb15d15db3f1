/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The least of ONNX: walk a model file (protobuf) and show its float tensors by name. Nothing is
 * executed; the network that uses the tensors is written by hand. Every length is checked against
 * the bytes that are there, so a hostile file gives an error and nothing else. Thread: any.
 */
#ifndef AUDIO_ONNX_H
#define AUDIO_ONNX_H

#include <parley/error.h>

#include <stddef.h>
#include <stdint.h>

#define ONNX_MAX_RANK 4

struct onnx_tensor {
    struct parley_view name;
    size_t rank;
    uint64_t dims[ONNX_MAX_RANK];
    struct parley_view raw; /* little-endian floats, not aligned */
};

/* Called for each float tensor with raw data, in file order. */
typedef void (*onnx_on_tensor)(void *ctx, const struct onnx_tensor *tensor);

/*
 * Show the initialisers and constants of the main graph and of every `then_branch` in it; the other
 * branch of a condition is passed over. Errors: PARLEY_E_INVALID when the bytes are no such file.
 */
int onnx_walk(struct parley_view file, onnx_on_tensor on_tensor, void *ctx,
              struct parley_error *err);

/* The n-th float of a tensor; n is below raw.len / 4. */
float onnx_float(const struct onnx_tensor *tensor, size_t n);

#endif
