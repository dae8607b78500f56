// What stands before llama.cpp's own functions of the same names once this library is loaded first, with all its names
// visible: the products that answers being written together need, by AVX-512 with VNNI.
#include "attention.hpp"
#include "blocks.hpp"
#include "q4_k.hpp"
#include "q6_k.hpp"

using namespace career;

#pragma GCC visibility push(default)
extern "C" {

// m rows of weights, n of activations, k blocks in each; leading dimensions in blocks.
bool llamafile_sgemm(const Params * params, int64_t m, int64_t n, int64_t k, const void * a, int64_t lda,
                     const void * b, int64_t ldb, void * c, int64_t ldc, int a_type, int b_type, int c_type) {
    static const auto next = original<decltype(&llamafile_sgemm)>("llamafile_sgemm");
    static const auto take = original<int (*)(void *, int)>("ggml_threadpool_chunk_add");
    static const auto begin = original<void (*)(void *, int)>("ggml_threadpool_chunk_set");
    static const auto meet = original<void (*)(void *)>("ggml_barrier");
    if (a_type != Q6_K || b_type != Q8_K || c_type != F32 || !take || !begin || !meet)
        return next && next(params, m, n, k, a, lda, b, ldb, c, ldc, a_type, b_type, c_type);
    const int64_t step = std::max<int64_t>(16, m / (params->nth * 8) / 16 * 16);
    if (params->ith == 0) begin(params->pool, params->nth);
    meet(params->pool);
    for (int64_t from = params->ith * step; from < m; from = take(params->pool, 1) * step)
        rows6(static_cast<const BlockQ6K *>(a), lda, k, static_cast<const BlockQ8K *>(b), ldb, n,
              static_cast<float *>(c), ldc, from, std::min(m, from + step));
    meet(params->pool);
    return true;
}

// False leaves the product to the function above.
bool ggml_compute_forward_mul_mat_tiled(const Params * params, Tensor * out) {
    static const auto next =
        original<decltype(&ggml_compute_forward_mul_mat_tiled)>("ggml_compute_forward_mul_mat_tiled");
    return out->src[0]->type != Q6_K && next && next(params, out);
}

void ggml_gemm_q4_K_8x8_q8_K(int n, float * s, size_t bs, const void * vx, const void * vy, int nr, int nc) {
    constexpr int NEAR = 8;  // so many tiles of weights stay in the second cache while all activations pass
    const int64_t blocks = n / BLOCK, quads = nr / 4, tiles = nc / 8;
    const auto * w = static_cast<const BlockQ4Kx8 *>(vx);
    const auto * y = static_cast<const BlockQ8Kx4 *>(vy);
    for (int64_t near = 0; near < tiles; near += NEAR)
        for (int64_t quad = 0; quad < quads; quad += 2) {
            const bool two = quad + 1 < quads;
            const Quads rows = {{y + quad * blocks, y + (two ? quad + 1 : quad) * blocks}};
            const auto tile4s = quad ? (two ? tile4<8, false, Quads> : tile4<4, false, Quads>)
                                     : (two ? tile4<8, true, Quads> : tile4<4, true, Quads>);
            for (int64_t tile = near; tile < std::min(tiles, near + NEAR); tile += 2) {
                float * out = s + quad * 4 * static_cast<int64_t>(bs) + tile * 8;
                tile4s(w + tile * blocks, blocks, tile + 1 == tiles, rows, out, bs);
            }
        }
}

void ggml_gemv_q4_K_8x8_q8_K(int n, float * s, size_t, const void * vx, const void * vy, int, int nc) {
    const int64_t blocks = n / BLOCK, tiles = nc / 8;
    const auto * w = static_cast<const BlockQ4Kx8 *>(vx);
    const Single row = {static_cast<const BlockQ8K *>(vy)};
    for (int64_t tile = 0; tile < tiles; tile += 2)
        tile4<1, true>(w + tile * blocks, blocks, tile + 1 == tiles, row, s + tile * 8, 0);
}

void ggml_compute_forward_flash_attn_ext(const Params * params, Tensor * out) {
    static const auto next =
        original<decltype(&ggml_compute_forward_flash_attn_ext)>("ggml_compute_forward_flash_attn_ext");
    Attention a;
    // A thread of ours does what two of llama.cpp's do; with more threads than that for the rows and heads there are,
    // its way to share the cells of one row is the better one.
    const bool ours = !params->reference && can_attend(out, a) && params->nth <= 2 * a.rows * a.groups;
    ours ? attend_all(a, params->ith, params->nth) : next(params, out);
}

// For the trial of this library, and as its mark: llama.cpp reaches rows6 only with threads of its own.
void career_rows6(const void * w, int64_t m, int64_t blocks, const void * y, int64_t n, float * out) {
    rows6(static_cast<const BlockQ6K *>(w), blocks, blocks, static_cast<const BlockQ8K *>(y), blocks, n, out, m, 0, m);
}
}
#pragma GCC visibility pop
