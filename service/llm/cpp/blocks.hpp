// Quantised blocks as llama.cpp 0.3.36 of llama-cpp-python lays them out, and the little of its types that is read.
#pragma once

#include <dlfcn.h>
#include <immintrin.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace career {

constexpr int BLOCK = 256;
enum Type { F32 = 0, F16 = 1, Q6_K = 14, Q8_K = 15 };

struct BlockQ6K {
    uint8_t low[128];
    uint8_t high[64];
    int8_t scales[16];
    uint16_t d;
};

struct BlockQ8K {
    float d;
    int8_t q[BLOCK];
    int16_t sums[16];
};

// Eight rows of Q4_K, eight bytes of each in turn.
struct BlockQ4Kx8 {
    uint16_t d[8];
    uint16_t dmin[8];
    uint8_t scales[96];
    uint8_t q[1024];
};

// Four rows of Q8_K likewise; of the sums four of each row in turn.
struct BlockQ8Kx4 {
    float d[4];
    int8_t q[4 * BLOCK];
    int16_t sums[64];
};

static_assert(sizeof(BlockQ6K) == 210 && sizeof(BlockQ8K) == 292, "as in a GGUF file");
static_assert(sizeof(BlockQ4Kx8) == 1152 && sizeof(BlockQ8Kx4) == 1168, "as llama.cpp interleaves them");

// ggml_compute_params
struct Params {
    int ith, nth;
    size_t work_size;
    void * work;
    void * pool;
    bool reference;
};

// ggml_tensor, up to what is read of it
struct Tensor {
    int type;
    void * buffer;
    int64_t ne[4];
    size_t nb[4];
    int op;
    int32_t op_params[16];
    int32_t flags;
    Tensor * src[10];
    Tensor * view_src;
    size_t view_offset;
    char * data;
};

// llama.cpp's own function of that name, which ours stands before.
template <typename F>
F original(const char * name) {
    void * library = dlopen("libggml-cpu.so.0", RTLD_LAZY | RTLD_NOLOAD);
    return library ? reinterpret_cast<F>(dlsym(library, name)) : nullptr;
}

}  // namespace career
