// Rows of Q6_K times rows of Q8_K. The sums of a row are made in the same order however many rows there are.
#pragma once

#include "blocks.hpp"

namespace career {

constexpr int AHEAD6 = 8;  // blocks fetched before they are wanted

struct Weights6 {
    __m512i q[4];      // 0 to 63: the bias of 32 is taken off by way of the sums
    __m512i scale[2];  // of q[0] and q[1] packed, of q[2] and q[3] packed
    __m256i bias;
    float d;
};

inline __attribute__((always_inline)) Weights6 unpack(const BlockQ6K & block) {
    Weights6 out;
    const __m512i nibble = _mm512_set1_epi8(15), two_bits = _mm512_set1_epi8(0x30);
    const __m512i left = _mm512_inserti64x4(_mm512_set1_epi16(4), _mm256_set1_epi16(2), 1);
    const __m512i right = _mm512_inserti64x4(_mm512_setzero_si512(), _mm256_set1_epi16(2), 1);
    for (int half = 0; half < 2; half++) {
        const __m512i low = _mm512_loadu_si512(block.low + 64 * half);
        const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(block.high + 32 * half));
        const __m512i high = _mm512_broadcast_i64x4(bits);
        const __m512i first = _mm512_and_si512(_mm512_sllv_epi16(high, left), two_bits);
        const __m512i second = _mm512_and_si512(_mm512_srlv_epi16(high, right), two_bits);
        out.q[2 * half] = _mm512_or_si512(_mm512_and_si512(low, nibble), first);
        out.q[2 * half + 1] = _mm512_or_si512(_mm512_and_si512(_mm512_srli_epi16(low, 4), nibble), second);
    }
    const __m128i scales = _mm_loadu_si128(reinterpret_cast<const __m128i *>(block.scales));
    const __m512i four_times = _mm512_broadcast_i32x4(scales);
    // Lane L: scale L in the upper half of each of four words, scale 4 + L in those of the other four.
    const __m512i lanes = _mm512_set_epi64(
        0x0780078007800780, 0x0380038003800380, 0x0680068006800680, 0x0280028002800280,
        0x0580058005800580, 0x0180018001800180, 0x0480048004800480, 0x0080008000800080);
    const __m512i eight_on = _mm512_add_epi8(lanes, _mm512_set1_epi16(0x0800));
    out.scale[0] = _mm512_srai_epi16(_mm512_shuffle_epi8(four_times, lanes), 8);
    out.scale[1] = _mm512_srai_epi16(_mm512_shuffle_epi8(four_times, eight_on), 8);
    out.bias = _mm256_slli_epi16(_mm256_sub_epi16(_mm256_setzero_si256(), _mm256_cvtepi8_epi16(scales)), 5);
    out.d = _cvtsh_ss(block.d);
    return out;
}

// Four products of at most 63 * 127 fit sixteen bits: so two parts are packed before they are scaled.
template <int ROWS>
void dot6(const BlockQ6K * w, int64_t blocks, const BlockQ8K * y, int64_t stride, float * out, int64_t out_stride) {
    __m512 sum[ROWS];
    for (int m = 0; m < ROWS; m++) sum[m] = _mm512_setzero_ps();
    const __m512i zero = _mm512_setzero_si512();
    for (int64_t b = 0; b < blocks; b++) {
        const char * later = reinterpret_cast<const char *>(w + b + AHEAD6);
        for (int64_t at = 0; at < int64_t(sizeof *w); at += 64) _mm_prefetch(later + at, _MM_HINT_T0);
        const Weights6 x = unpack(w[b]);
        const __m512 d = _mm512_set1_ps(x.d);
        for (int m = 0; m < ROWS; m++) {
            const BlockQ8K & a = y[m * stride + b];
            const __m512i p0 = _mm512_dpbusd_epi32(zero, x.q[0], _mm512_loadu_si512(a.q));
            const __m512i p1 = _mm512_dpbusd_epi32(zero, x.q[1], _mm512_loadu_si512(a.q + 64));
            const __m512i p2 = _mm512_dpbusd_epi32(zero, x.q[2], _mm512_loadu_si512(a.q + 128));
            const __m512i p3 = _mm512_dpbusd_epi32(zero, x.q[3], _mm512_loadu_si512(a.q + 192));
            const __m256i sums = _mm256_loadu_si256(reinterpret_cast<const __m256i *>(a.sums));
            __m512i total = _mm512_zextsi256_si512(_mm256_madd_epi16(x.bias, sums));
            total = _mm512_dpwssd_epi32(total, _mm512_packs_epi32(p0, p1), x.scale[0]);
            total = _mm512_dpwssd_epi32(total, _mm512_packs_epi32(p2, p3), x.scale[1]);
            const __m512 product = _mm512_mul_ps(_mm512_cvtepi32_ps(total), d);
            sum[m] = _mm512_fmadd_ps(product, _mm512_set1_ps(a.d), sum[m]);
        }
    }
    for (int m = 0; m < ROWS; m++) out[m * out_stride] = _mm512_reduce_add_ps(sum[m]);
}

// One row of weights and at most eight of activations.
inline void row6(const BlockQ6K * w, int64_t blocks, const BlockQ8K * y, int64_t stride, int n, float * out,
                 int64_t step) {
    switch (n) {
        case 8: return dot6<8>(w, blocks, y, stride, out, step);
        case 7: return dot6<7>(w, blocks, y, stride, out, step);
        case 6: return dot6<6>(w, blocks, y, stride, out, step);
        case 5: return dot6<5>(w, blocks, y, stride, out, step);
        case 4: return dot6<4>(w, blocks, y, stride, out, step);
        case 3: return dot6<3>(w, blocks, y, stride, out, step);
        case 2: return dot6<2>(w, blocks, y, stride, out, step);
        default: return dot6<1>(w, blocks, y, stride, out, step);
    }
}

// Rows `from` to `to` of weights, all `n` of activations; out[y * out_stride + row].
inline void rows6(const BlockQ6K * w, int64_t w_stride, int64_t blocks, const BlockQ8K * y, int64_t y_stride,
                  int64_t n, float * out, int64_t out_stride, int64_t from, int64_t to) {
    constexpr int64_t NEAR = 16;  // so many rows of weights stay in the first cache while all activations pass
    for (int64_t tile = from; tile < to; tile += NEAR)
        for (int64_t first = 0; first < n; first += 8)
            for (int64_t row = tile; row < std::min(to, tile + NEAR); row++)
                row6(w + row * w_stride, blocks, y + first * y_stride, y_stride,
                     static_cast<int>(std::min<int64_t>(8, n - first)), out + first * out_stride + row, out_stride);
}

}  // namespace career
